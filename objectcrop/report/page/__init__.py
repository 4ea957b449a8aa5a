"""The pages that people read: of one study, and of two beside each other."""
