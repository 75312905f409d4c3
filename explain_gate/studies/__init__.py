"""Studies: slow questions about one version, asked off line, each with a record and a page."""
