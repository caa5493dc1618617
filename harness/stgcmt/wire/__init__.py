"""Codecs and streams: bytes in, values out; decoding never raises on what a peer sent."""
