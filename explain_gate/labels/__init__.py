"""Label audit: labels and regions that several versions doubt, and pictures that are there twice."""
