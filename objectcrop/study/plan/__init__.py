"""Which files a study is made of, and which of them each job needs."""
