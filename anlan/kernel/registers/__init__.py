"""Registers: whatever is kept is declared once, and everything else follows from the declaration."""

from .declaration import Register, all_registers, register, register_named

__all__ = ["Register", "all_registers", "register", "register_named"]
