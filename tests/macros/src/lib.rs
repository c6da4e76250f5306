//! `#[trial]`: what `#[test]` is to libtest, for the harness of `tests/it/support/harness.rs`.

use proc_macro::{TokenStream, TokenTree};

/// Makes a function without arguments a test, named by its path: `module::function`.
#[proc_macro_attribute]
pub fn trial(_arguments: TokenStream, function: TokenStream) -> TokenStream {
    let Some(name) = name(function.clone()) else {
        return "compile_error!(\"#[trial] belongs before a function\");"
            .parse()
            .unwrap_or_default();
    };
    let submission = format!(
        "::inventory::submit! {{ crate::support::Test::new(\
             concat!(module_path!(), \"::\", stringify!({name})), line!(), {name}) }}"
    );
    let mut tokens = function;
    tokens.extend(submission.parse::<TokenStream>().unwrap_or_default());
    tokens
}

/// The word after `fn`.
fn name(function: TokenStream) -> Option<String> {
    let mut words = function.into_iter().filter_map(|token| match token {
        TokenTree::Ident(word) => Some(word.to_string()),
        _ => None,
    });
    words.find(|word| word == "fn")?;
    words.next()
}
