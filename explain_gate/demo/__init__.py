"""The bundled story: real pictures, an honest model and one that looks at a watermark."""
