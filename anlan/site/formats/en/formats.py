"""Dates in English as the pages write them everywhere: 14 June 2013, 09:30."""

DATE_FORMAT = "j F Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = "j F Y, H:i"
