"""The nouns that all offices share: divisions, industries, authorities, enterprises, people, accounts."""

from .accounts import ROLES, Account, Looked, Session
from .authorities import Answering, Authority
from .bases import BaseFigure
from .enterprises import Enterprise
from .factors import Authenticator, Recovery
from .papers import IssuedPaper, OfficialPaper, PaperFile, Recipient
from .people import Person, Post
from .places import Division, Industry, IndustryClass

__all__ = [
    "ROLES",
    "Account",
    "Answering",
    "Authenticator",
    "Authority",
    "BaseFigure",
    "Division",
    "Enterprise",
    "Industry",
    "IndustryClass",
    "IssuedPaper",
    "Looked",
    "OfficialPaper",
    "PaperFile",
    "Person",
    "Post",
    "Recipient",
    "Recovery",
    "Session",
]
