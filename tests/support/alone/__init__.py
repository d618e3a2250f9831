"""The app artifacts without the app that writes: settings, addresses, and a visit of its pages."""
