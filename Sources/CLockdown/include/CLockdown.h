int clockdown_placeholder(void);
