//! Reading a line of text from left to right.

use crate::error::{Error, Result};

/// What is left of a line.
pub(super) struct Cursor<'t> {
    rest: &'t str,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(line: &'t str) -> Self {
        let mut cursor = Self { rest: line };
        cursor.skip();
        cursor
    }

    /// Skips spaces, and a comment.
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
        if self.rest.starts_with('#') {
            self.rest = "";
        }
    }

    pub(super) fn at_end(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn at(&self, token: &str) -> bool {
        self.rest.starts_with(token)
    }

    /// Takes a token where it is next.
    pub(super) fn eat(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            None => false,
            Some(rest) => {
                self.rest = rest;
                self.skip();
                true
            }
        }
    }

    pub(super) fn expect(&mut self, token: &str) -> Result<()> {
        if self.eat(token) { Ok(()) } else { Err(self.wrong(&format!("`{token}`"))) }
    }

    pub(super) fn wrong(&self, expected: &str) -> Error {
        let found: String = self.rest.chars().take(20).collect();
        let found = if found.is_empty() { "the end of the line".into() } else { found };
        Error::malformed(format!("expected {expected}, found `{found}`"))
    }

    /// Everything up to the next space or punctuation.
    pub(super) fn word(&mut self, what: &str) -> Result<&'t str> {
        let punctuation = |c: char| c.is_whitespace() || ",()[]{}=#\"".contains(c);
        let end = self.rest.find(punctuation).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        if word.is_empty() {
            return Err(self.wrong(what));
        }
        self.rest = rest;
        self.skip();
        Ok(word)
    }

    /// A word, or any text in quotes.
    pub(super) fn name(&mut self, what: &str) -> Result<String> {
        if self.at("\"") { self.string() } else { self.word(what).map(str::to_owned) }
    }

    pub(super) fn string(&mut self) -> Result<String> {
        let unfinished = || Error::malformed("this string has no end");
        self.rest = self.rest.strip_prefix('"').ok_or_else(|| self.wrong("a string"))?;
        let mut text = String::new();
        loop {
            let c = self.character().ok_or_else(unfinished)?;
            match c {
                '"' => break,
                '\\' => match self.character().ok_or_else(unfinished)? {
                    'u' => text.push(self.code_point()?),
                    escaped => text.push(escaped),
                },
                c => text.push(c),
            }
        }
        self.skip();
        Ok(text)
    }

    fn character(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let c = characters.next();
        self.rest = characters.as_str();
        c
    }

    fn code_point(&mut self) -> Result<char> {
        let code = self.rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let (code, rest) = code.ok_or_else(|| self.wrong("`{code}`"))?;
        let code = u32::from_str_radix(code, 16).ok().and_then(char::from_u32);
        let code = code.ok_or_else(|| self.wrong("a code point"))?;
        self.rest = rest;
        Ok(code)
    }

    /// Items between brackets, separated by commas.
    pub(super) fn list<T>(
        &mut self,
        open: &str,
        close: &str,
        mut item: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut items = Vec::new();
        self.expect(open)?;
        while !self.eat(close) {
            if !items.is_empty() {
                self.expect(",")?;
            }
            items.push(item(self)?);
        }
        Ok(items)
    }
}
