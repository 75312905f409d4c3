"""Pictures and charts, from maps, regions and numbers."""
