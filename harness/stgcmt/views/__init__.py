"""Lazy, total decodings of a transcript: functions of the recording that name the events they read.

A view never raises on what a peer sent. What cannot be decoded stays away from the decoded values and is listed as a
fault that names its event. Views serve checks and writers; actors and references never import them.
"""
