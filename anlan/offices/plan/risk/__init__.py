"""The annual safety-risk assessment of districts and industries, its method as data."""
