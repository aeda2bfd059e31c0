//! Flat tree of the values of a JSON text.

use crate::event::json::Item;

/// The values of a JSON text in document order: an object or array precedes its content. Uses one allocation, and
/// neither building nor dropping it recurses.
#[derive(Debug, Default)]
pub(super) struct Tree<'a> {
    nodes: Vec<Node<'a>>,
    /// Objects and arrays that are open while the tree is built.
    open: Vec<usize>,
    /// Key of the next member.
    key: &'a str,
}

/// Value with its key and extent.
#[derive(Debug, Clone, Copy)]
struct Node<'a> {
    /// Key as written, with the quotes. Empty unless the value is a member of an object.
    key: &'a str,
    /// Scalar as written, or the opening bracket of an object or array.
    text: &'a str,
    /// Index of the first node after this value and its content.
    end: usize,
}

/// A value of a [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Object(Children),
    Array(Children),
    /// A string, number, true, false or null, as it is written.
    Scalar(&'a str),
}

/// Content of an object or array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Children {
    first: usize,
    end: usize,
}

impl<'a> Tree<'a> {
    /// Adds the next part of the text.
    pub(super) fn add(&mut self, item: Item<'a>) {
        let at = self.nodes.len();
        let text = match item {
            Item::Key { token } => {
                self.key = token;
                return;
            }
            Item::Close => {
                if let Some(open) = self.open.pop() {
                    self.nodes[open].end = at;
                }
                return;
            }
            Item::Open { is_object, .. } => {
                self.open.push(at);
                if is_object { "{" } else { "[" }
            }
            Item::Scalar { token, .. } => token,
        };
        self.nodes.push(Node { key: std::mem::take(&mut self.key), text, end: at + 1 });
    }

    /// Returns the root value. `None` for an empty tree.
    pub(super) fn root(&self) -> Option<Value<'a>> {
        (!self.nodes.is_empty()).then(|| self.value(0))
    }

    /// Returns the members of an object or the elements of an array, in order, with their keys as written.
    pub(super) fn children(
        &self,
        children: Children,
    ) -> impl Iterator<Item = (&'a str, Value<'a>)> + use<'_, 'a> {
        let Children { first: mut at, end } = children;
        std::iter::from_fn(move || {
            let node = self.nodes[..end].get(at)?;
            let value = self.value(at);
            at = node.end;
            Some((node.key, value))
        })
    }

    fn value(&self, at: usize) -> Value<'a> {
        let Node { text, end, .. } = self.nodes[at];
        match text {
            "{" => Value::Object(Children { first: at + 1, end }),
            "[" => Value::Array(Children { first: at + 1, end }),
            token => Value::Scalar(token),
        }
    }
}
