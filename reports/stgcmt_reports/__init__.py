"""Writers of an evidence bundle, each a function of transcripts and results."""
