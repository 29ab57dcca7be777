"""Boards that people compose from measures, share, and put on the wall. See docs/how-to/boards.md."""
