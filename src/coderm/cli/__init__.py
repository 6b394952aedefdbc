"""The command line, one file a group of verbs; importing a group registers its verbs on `app`."""

from coderm.cli import data, demo, doctor, execute, extract, generate, rank, report, scale, synthesize
from coderm.cli.app import app, main

__all__ = ["app", "data", "demo", "doctor", "execute", "extract", "generate", "main", "rank", "report", "scale",
           "synthesize"]
