//! Codes in, what they mean out. The short words of errors are Falco's, which
//! tools may know; the sentences about warnings are ours.

/// What a code means; empty for codes that are ours and say it themselves.
pub(super) fn code(code: &str) -> &'static str {
    match code {
        "LOAD_ERR_FILE_READ" => "File read error",
        "LOAD_ERR_YAML_PARSE" => "YAML parse error",
        "LOAD_ERR_YAML_VALIDATE" => "Error validating internal structure of YAML file",
        "LOAD_ERR_COMPILE_CONDITION" => "Error compiling condition",
        "LOAD_ERR_COMPILE_OUTPUT" => "Error compiling output",
        "LOAD_ERR_VALIDATE" => "Error validating rule/macro/list/exception objects",
        "LOAD_UNKNOWN_SOURCE" => {
            "The rule is for a source whose events are not delivered here. It is skipped."
        }
        "LOAD_UNSAFE_NA_CHECK" => {
            "The condition compares a field with <NA>. `exists` tells whether there is a value."
        }
        "LOAD_NO_EVTTYPE" => {
            "The condition can be true for very many kinds of events, so that the rule is \
             evaluated for nearly all. Name the kinds with evt.type."
        }
        "LOAD_UNKNOWN_FILTER" => {
            "The rule names a field or event type that does not exist, and says \
             skip-if-unknown-filter. It is skipped."
        }
        "LOAD_UNUSED_MACRO" => "No rule and no other macro uses the macro.",
        "LOAD_UNUSED_LIST" => "No rule, macro or other list uses the list.",
        "LOAD_UNKNOWN_ITEM" => "The item is of no known kind. It is skipped.",
        "LOAD_DEPRECATED_ITEM" => "Something is used that newer versions may not have.",
        "LOAD_APPEND_NO_VALUES" => "What is appended to an exception has no values.",
        "LOAD_EXCEPTION_NAME_NOT_UNIQUE" => "A rule has several exceptions of one name.",
        "LOAD_INVALID_MACRO_NAME" => "The macro's name cannot be used in a condition.",
        "LOAD_INVALID_LIST_NAME" => "The list's name cannot be used in a condition.",
        "LOAD_COMPILE_CONDITION" => {
            "The condition is right and may not mean what its author thinks."
        }
        "LOAD_UNKNOWN_KEY" => {
            "The item has a key that its kind does not have. It is ignored; it may be misspelt, \
             or belong to another kind of item."
        }
        _ => "",
    }
}
