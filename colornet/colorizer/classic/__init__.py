"""Classic stereo matching, the second opinion of the Colorizer. No TensorFlow."""
