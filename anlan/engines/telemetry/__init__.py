"""Telemetry: readings come in by the industries' own protocols, rules run over them, events come out.

    protocols/   frames and lines of the wire → messages and readings
    rules        what a rules file may say, checked; each fault with its line
    kernel       one compiled pass over arrays: the state of each device and rule
    stream       readings in any order → the events of their order in time, kept over restarts
    replay       a file of readings → a file of events
    spark        the same on a Spark cluster; landed files followed

No Django in here: usable as a library by itself. Moments are milliseconds since 1970 (UTC); times of day are Beijing's.
"""
