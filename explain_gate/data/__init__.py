"""The annotated regression set: files, annotations, regions that move with their images."""
