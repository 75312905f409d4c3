"""What a project's folder shows of its model and data: read as text, never imported, executed or unpickled."""
