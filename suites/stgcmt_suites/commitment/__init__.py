"""What the roles share: references, results, the small store."""
