"""Backups: `anlan backup` and `anlan restore`, the archive for going back to any moment, and the replica."""
