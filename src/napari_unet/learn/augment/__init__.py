"""Varies training patches at random: turned, scaled, bent, darker, noisier; for `learn/data`."""
