"""Our ends of the wire, each recording what happens through a tap."""
