"""What a metric may ask of a model and its regression set: one class a capability, listed in `capabilities`.

Adding one is a class here (`answers` of Capability say how), its line in `capabilities`, its methods in the protocol
`metrics.batch.Batch`, and its name in `asks` of the metrics that use it. Its scope says all that caching and workers
have to know.
"""
