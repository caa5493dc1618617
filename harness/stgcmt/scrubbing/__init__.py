"""Scrubbing: a recording without names, addresses and identifiers, byte for byte as long as the first.

Every replacement has the length and the shape of what it replaces (letters by letters, digits by digits), and the same
word is replaced by the same word wherever it stands. So every length field, chunk size, PDU and fragment stays true, what
was equal stays equal, and checks say what they said. What is kept is a list: words of the protocols, numbers of HTTP and
of the data sets' binary values, registered UIDs. All other words go.
"""
