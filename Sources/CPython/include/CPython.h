int cpython_placeholder(void);
