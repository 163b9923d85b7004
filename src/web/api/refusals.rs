//! What each operation can refuse, for the document: the codes of [`super::error`], each with its status. To add an
//! endpoint, add its line to [`refused_by`]; `tests/it/support/program.rs` checks every refusal that a test receives
//! against the document.

/// A status, and the codes that an answer with it may have.
pub type Refused = (u16, Vec<&'static str>);

/// Faults in the query of a list.
const PAGE: [&str; 3] = ["NOT_A_NUMBER", "OUT_OF_RANGE", "UNKNOWN_PARAMETER"];
const REPORT: [&str; 3] = ["NOT_A_DATE", "NOT_A_PERIOD", "TOO_MANY_ROWS"];
const NAME: [&str; 4] = ["MISSING", "NAME_LENGTH", "HIDDEN_CHARACTERS", "NAME_IS_LINK"];
const TEXT: [&str; 3] = ["NOT_A_TEXT", "TOO_LONG", "HIDDEN_CHARACTERS"];
const DEVICE: [&str; 3] = ["MISSING", "NOT_A_NUMBER", "SERIAL_TAKEN"];
const HARDWARE: [&str; 3] = ["NOT_A_MAC", "NOT_AN_IMEI", "UNKNOWN_SERIES"];
const TAG: [&str; 4] = ["MISSING", "NAME_TAKEN", "NAME_HAS_SEPARATOR", "NOT_A_COLOR"];
const ROLE: [&str; 4] = ["MISSING", "TITLE_TAKEN", "UNKNOWN_PERMISSION", "NOT_A_LIST"];
const CHOSEN: [&str; 4] = ["MISSING", "NOT_A_NUMBER", "NOTHING_CHOSEN", "TOO_MANY"];
const TYPED_CODE: [&str; 5] = ["MISSING", "NOT_A_TEXT", "NOT_A_CODE", "CODE_MISTYPED", "CODE_EXPIRED"];
const SPENT_CODE: [&str; 3] = ["CODE_USED", "CODE_NOT_UNUSED", "CODE_DISPUTED"];
const ROWS: [&str; 7] =
    ["MISSING", "NOT_A_LIST", "NOT_A_NUMBER", "NOT_A_CHOICE", "NOTHING_CHOSEN", "TOO_MANY", "REPEATED_DEVICE"];
const OBSTACLES: [&str; 8] = [
    "COMPANY_IS_ROOT",
    "COMPANY_IS_OWN",
    "COMPANY_HAS_BALANCE",
    "COMPANY_HAS_UNUSED_CODES",
    "COMPANY_HAS_SUBSIDIARIES",
    "COMPANY_HAS_USERS",
    "COMPANY_HAS_DEVICES",
    "COMPANY_HAS_OPEN_ORDERS",
];

/// What an operation refuses besides what all operations do.
pub fn refused_by(operation_id: &str) -> Vec<Refused> {
    let wrong = |parts: &[&[&'static str]]| (422, parts.concat());
    let not_found = (404, vec!["NOT_FOUND"]);
    let no_company = (404, vec!["UNKNOWN_COMPANY"]);
    let no_company_or_tag = (404, vec!["UNKNOWN_COMPANY", "UNKNOWN_TAG"]);
    let no_code = (404, vec!["UNKNOWN_CODE"]);
    let guessed = (429, vec!["TOO_MANY_ATTEMPTS"]);
    match operation_id {
        "companies_list" => vec![wrong(&[&PAGE, &["TOO_MANY", "NOT_A_CHOICE"]])],
        "companies_create" => {
            vec![no_company, wrong(&[&NAME, &["NOT_A_TEXT", "NOT_A_NUMBER", "TOO_DEEP"]])]
        }
        "companies_update" => {
            vec![not_found, wrong(&[&NAME, &["NOT_A_TEXT", "NOT_A_CHOICE", "NOTHING_TO_CHANGE"]])]
        }
        "companies_remove" => vec![not_found, wrong(&[&OBSTACLES])],
        "companies_put_under" => {
            vec![
                not_found,
                no_company,
                wrong(&[&["MISSING", "NOT_A_NUMBER", "UNDER_ITSELF", "TOO_DEEP", "ROLES_OF_COMPANIES_ABOVE"]]),
            ]
        }
        "credits_list" | "credits_summary" => vec![not_found, wrong(&[&PAGE])],
        "users_list" | "users_invitations" => {
            vec![not_found, wrong(&[&PAGE, &["TOO_MANY", "NOT_A_CHOICE", "UNKNOWN_ROLE"]])]
        }
        "users_update" => vec![not_found, wrong(&[&["UNKNOWN_ROLE", "OWN_ACCOUNT", "LAST_ADMINISTRATOR"]])],
        "users_remove" => vec![not_found, wrong(&[&["OWN_ACCOUNT", "LAST_ADMINISTRATOR"]])],
        "credits_move_units" => vec![
            no_company,
            wrong(&[
                &["MISSING", "NOT_A_NUMBER", "NOT_WHOLE", "OUT_OF_RANGE", "UNKNOWN_TYPE"],
                &["SAME_COMPANY", "NOT_ENOUGH", "OVERFLOW"],
            ]),
        ],
        "credits_moves" | "credits_history" | "companies_data_history" => {
            vec![not_found, wrong(&[&PAGE, &["NOT_A_DATE", "NOT_A_CHOICE"]])]
        }
        "companies_buy_data" => vec![
            no_company,
            wrong(&[&["MISSING", "NOT_A_NUMBER", "NOT_WHOLE", "OUT_OF_RANGE", "NOT_ENOUGH", "OVERFLOW"]]),
        ],
        "credits_report_json" | "credits_report_pdf" | "credits_report_pool" => {
            vec![not_found, wrong(&[&["MISSING", "NOT_A_NUMBER", "UNKNOWN_PARAMETER"], &REPORT])]
        }
        "codes_list" => vec![not_found, wrong(&[&PAGE, &["NOT_A_DATE", "NOT_A_CHOICE", "UNKNOWN_TYPE"]])],
        "codes_create" => vec![
            no_company,
            wrong(&[
                &["MISSING", "NOT_A_NUMBER", "NOT_WHOLE", "OUT_OF_RANGE", "UNKNOWN_TYPE"],
                &TEXT,
                &["NOT_ENOUGH", "OVERFLOW"],
            ]),
        ],
        "codes_update" => vec![not_found, wrong(&[&["MISSING"], &TEXT])],
        "codes_delete" => vec![not_found, no_code, (409, [&SPENT_CODE[1..], &["CODE_OF_ORDER"]].concat())],
        "codes_preview" => vec![no_code, (409, SPENT_CODE.to_vec()), wrong(&[&TYPED_CODE]), guessed],
        "codes_activate" => {
            vec![no_code, (409, SPENT_CODE.to_vec()), wrong(&[&TYPED_CODE, &["OVERFLOW"]]), guessed]
        }
        "devices_list" | "devices_export" => {
            vec![not_found, wrong(&[&PAGE, &["TOO_MANY", "NOT_A_CHOICE", "UNKNOWN_TYPE"]])]
        }
        "devices_create" => vec![
            no_company_or_tag,
            wrong(&[&DEVICE, &TEXT, &HARDWARE, &ROWS[1..6], &["TAG_OUT_OF_REACH", "UNSUITABLE_SERVICE"]]),
        ],
        "devices_update" => {
            vec![not_found, no_company_or_tag, wrong(&[&DEVICE, &TEXT, &HARDWARE, &["TOO_MANY", "TAG_OUT_OF_REACH"]])]
        }
        "devices_update_many" => vec![
            not_found,
            (404, vec!["UNKNOWN_TAG"]),
            wrong(&[&ROWS, &TEXT, &["NOTHING_TO_CHANGE", "UNKNOWN_DEVICE", "TAG_OUT_OF_REACH"]]),
        ],
        "devices_statistics" => vec![not_found, wrong(&[&PAGE, &["TOO_MANY", "NOT_A_CHOICE"]])],
        "devices_remove_many" => vec![not_found, wrong(&[&CHOSEN])],
        "devices_put_into" => vec![not_found, no_company, wrong(&[&CHOSEN])],
        "devices_import" => {
            vec![no_company, wrong(&[&["MISSING", "NOT_A_NUMBER", "NOT_A_CHOICE", "FILE", "TOO_MANY"]])]
        }
        "tags_assign" | "tags_unassign" | "tags_overwrite" => {
            vec![not_found, (404, vec!["UNKNOWN_TAG"]), wrong(&[&ROWS, &["UNKNOWN_DEVICE", "TAG_OUT_OF_REACH"]])]
        }
        "tags_list" => vec![not_found, wrong(&[&PAGE, &["TOO_MANY", "NOT_A_CHOICE"]])],
        "tags_create" => vec![no_company, wrong(&[&TAG, &TEXT, &["NOT_A_NUMBER", "TOO_MANY_TAGS"]])],
        "tags_update" => vec![not_found, wrong(&[&TAG, &TEXT])],
        "devices_set_credit" => {
            vec![not_found, wrong(&[&ROWS, &["UNKNOWN_TYPE", "NOTHING_TO_CHANGE", "UNSUITABLE_SERVICE"]])]
        }
        "devices_set_monitoring" => vec![not_found, wrong(&[&ROWS])],
        "roles_list" => vec![not_found, wrong(&[&PAGE, &["TOO_MANY", "NOT_A_CHOICE"]])],
        "roles_create" => vec![no_company, wrong(&[&ROLE, &TEXT, &["NOT_A_NUMBER", "TOO_MANY_ROLES"]])],
        "roles_update" => vec![not_found, wrong(&[&ROLE, &TEXT])],
        "roles_set_permissions" => vec![not_found, wrong(&[&ROLE, &TEXT, &["NOT_A_NUMBER", "UNKNOWN_ROLE"]])],
        "roles_delete" => vec![not_found, wrong(&[&["ROLE_IN_USE"]])],
        "users_invite" => vec![
            no_company,
            wrong(&[&["MISSING", "NOT_A_NUMBER", "NOT_AN_ADDRESS", "UNKNOWN_ROLE", "EMAIL_TAKEN"]]),
            guessed,
        ],
        // One thing by its id, or the caller's own.
        _ => vec![not_found],
    }
}

/// The meaning of a code, in the document.
pub fn meaning(code: &str) -> &'static str {
    match code {
        "ADDRESS_NOT_ALLOWED" => "the token may not be used from this address.",
        "CODE_EXPIRED" => "the code has expired.",
        "CODE_MISTYPED" => "the code's check character is wrong; this does not count as a wrong attempt.",
        "CODE_DISPUTED" => "the payment of the voucher is disputed.",
        "CODE_NOT_UNUSED" => "the code has been used, cancelled or replaced, or has expired.",
        "CODE_OF_ORDER" => "the code is a purchased voucher: cancel it through its order.",
        "CODE_USED" => "the code has been used.",
        "COMPANY_HAS_BALANCE" => "the company has a balance.",
        "COMPANY_HAS_DEVICES" => "the company has devices.",
        "COMPANY_HAS_OPEN_ORDERS" => "the company has orders that are not paid or not ready.",
        "COMPANY_HAS_SUBSIDIARIES" => "the company has subsidiaries.",
        "COMPANY_HAS_UNUSED_CODES" => "the company has unused codes.",
        "COMPANY_HAS_USERS" => "the company has users who are not disabled.",
        "COMPANY_IS_OWN" => "the company is the caller's own.",
        "COMPANY_IS_ROOT" => "the company is the root.",
        "EMAIL_TAKEN" => "this address already has an account.",
        "FILE" => "the file cannot be read: its first line names no columns, or it has too many rows.",
        "FORBIDDEN" => "the caller's role does not allow it.",
        "HIDDEN_CHARACTERS" => {
            "the text has control characters, or characters that change the direction of text (U+202A to U+202E, U+2066 to U+2069)."
        }
        "IDEMPOTENCY_KEY_MALFORMED" => "the key does not have 1 to 255 printable characters, or there are several.",
        "IDEMPOTENCY_KEY_REUSED" => "the key was used for another request.",
        "LAST_ADMINISTRATOR" => "the root company would be left without an administrator.",
        "MALFORMED_JSON" => "the body is not a JSON object.",
        "MALFORMED_REQUEST" => "the body could not be read.",
        "MISSING" => "a required field is missing or empty.",
        "NAME_HAS_SEPARATOR" => "the name has a comma or a semicolon.",
        "NAME_IS_LINK" => "the name contains a link.",
        "NAME_LENGTH" => "the name has fewer than 3 or more than 200 characters.",
        "NAME_TAKEN" => "the company has a tag with this name.",
        "NOTHING_CHOSEN" => "the list is empty.",
        "NOTHING_TO_CHANGE" => "the request sets nothing.",
        "NOT_AN_IMEI" => "the text does not have 14 to 16 digits.",
        "NOT_AN_ADDRESS" => "no mail can be sent to this address.",
        "NOT_A_CHOICE" => "the value is not one of the allowed ones.",
        "NOT_A_CODE" => "the text is not a code: its length or characters are wrong.",
        "NOT_A_COLOR" => "the text is not a colour as the web writes it.",
        "NOT_A_DATE" => "the value is not a date, or not a date and a time.",
        "NOT_A_LIST" => "the value is not a list of objects.",
        "NOT_A_MAC" => "the text does not have twelve hexadecimal digits.",
        "NOT_A_NUMBER" => "the value is not a whole number.",
        "NOT_A_PERIOD" => "the period ends before it begins.",
        "NOT_A_TEXT" => "the value is not a string.",
        "NOT_ENOUGH" => "the company has fewer units than that.",
        "NOT_FOUND" => "the caller's tree has no such thing.",
        "NOT_WHOLE" => "the amount is not a whole number.",
        "OUTCOME_UNKNOWN" => {
            "it may have happened, or may still happen. Send the request again with `errors[].operation_id` as its `Idempotency-Key`: it happens once. `Retry-After` is sent only if the request had a key."
        }
        "OUT_OF_RANGE" => "the number is below the minimum or above the maximum.",
        "OWN_ACCOUNT" => "it is the caller's own account.",
        "OVERFLOW" => "the balance would become too large.",
        "REPEATED_DEVICE" => "several rows name this device: none of them was applied.",
        "ROLES_OF_COMPANIES_ABOVE" => "users there have roles of companies that would no longer be above.",
        "ROLE_IN_USE" => "people have this role.",
        "SAME_COMPANY" => "source and target are the same company.",
        "SCOPE_MISSING" => "the token lacks the scope that `WWW-Authenticate` names.",
        "SERIAL_TAKEN" => "a device has this serial number.",
        "TAG_OUT_OF_REACH" => "the device does not belong to the tag's company or to one below it.",
        "TITLE_TAKEN" => "the company has a role with this title.",
        "TOKEN_INVALID" => "the token is mistyped, revoked or expired.",
        "TOKEN_MISSING" => "the request has no token.",
        "TOO_DEEP" => "the company would be more than 100 levels deep.",
        "TOO_LARGE" => "the body is larger than 1 MB.",
        "TOO_LONG" => "the text is longer than the field allows.",
        "TOO_MANY" => "the list has more than 1,000 rows.",
        "TOO_MANY_ROLES" => "the company has as many roles as it may have.",
        "TOO_MANY_ROWS" => "the report has too many rows: choose a shorter period.",
        "TOO_MANY_TAGS" => "the company has as many tags as it may have.",
        "TOO_MANY_ATTEMPTS" => "there were too many wrong codes or invitations.",
        "TOO_MANY_REQUESTS" => "the token has made too many requests in this minute.",
        "UNAVAILABLE" => "the portal cannot process the request now. Nothing has changed.",
        "UNDER_ITSELF" => "the company would be below itself.",
        "UNKNOWN_CODE" => "there is no such code.",
        "UNKNOWN_COMPANY" => "the caller's tree has no such company.",
        "UNKNOWN_DEVICE" => "the caller's tree has no such device.",
        "UNKNOWN_PARAMETER" => "there is no such parameter.",
        "UNKNOWN_PERMISSION" => "there is no such permission.",
        "UNKNOWN_ROLE" => "there is no such role.",
        "UNKNOWN_SERIES" => "there is no such series.",
        "UNKNOWN_TAG" => "the caller's tree has no such tag.",
        "UNKNOWN_TYPE" => "there is no such resource type.",
        "UNSUITABLE_SERVICE" => "the device does not run on this resource type.",
        "UNSUPPORTED_MEDIA_TYPE" => "the body is not `application/json`.",
        _ => "",
    }
}
