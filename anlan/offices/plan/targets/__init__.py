"""How the year's targets stand against their lines, in parts for districts and industries, and what lies ahead."""
