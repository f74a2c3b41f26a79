"""The pages for therapists: server-rendered, usable without JavaScript."""
