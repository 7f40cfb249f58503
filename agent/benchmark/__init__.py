"""What does a vision-language model like, per Schwartz value, and how sure is that? (paper, section 3)"""
