"""What both proxies share: how the two faces of one recording are linked, and the conservation laws."""
