//! `#[trial]`: what `#[test]` is to libtest, for the harness of `tests/it/support/harness.rs`.

use proc_macro::{TokenStream, TokenTree};

/// Makes a function without arguments a test, named by its path: `module::function`. With
/// `#[trial(alone)]` no other test runs at the same time.
#[proc_macro_attribute]
pub fn trial(arguments: TokenStream, function: TokenStream) -> TokenStream {
    let Some(name) = name(function.clone()) else {
        return error("#[trial] belongs before a function");
    };
    let is_alone = match arguments.to_string().as_str() {
        "" => false,
        "alone" => true,
        _ => return error("#[trial] knows the word `alone`"),
    };
    let submission = format!(
        "::inventory::submit! {{ crate::support::Test::new(\
             concat!(module_path!(), \"::\", stringify!({name})), line!(), {name}, {is_alone}) }}"
    );
    let mut tokens = function;
    tokens.extend(submission.parse::<TokenStream>().unwrap_or_default());
    tokens
}

fn error(message: &str) -> TokenStream {
    format!("compile_error!({message:?});").parse().unwrap_or_default()
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
