"""The deep blocks of a UNet computed now and then: what comes from them serves a few evaluations."""
