//! What leaves for elsewhere: an HTTP client that reaches no private address, hooks and captcha.
