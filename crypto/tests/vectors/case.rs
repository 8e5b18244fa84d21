//! Cases in JSON.

use std::path::Path;

use data_encoding::HEXLOWER;
use serde_json::{Map, Value, json};

/// One kind's cases.
#[derive(Debug, PartialEq)]
pub(crate) struct Vectors {
    pub(crate) accept: Vec<Case>,
    pub(crate) reject: Vec<Case>,
}

/// Named fields: texts, numbers, and bytes in hexadecimal.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Case(Map<String, Value>);

impl Vectors {
    pub(crate) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut value: Value = serde_json::from_str(&text).expect("JSON");
        let mut take = |field: &str| match value[field].take() {
            Value::Array(cases) => cases.into_iter().map(Case::of).collect(),
            _ => panic!("{}: no list `{field}`", path.display()),
        };
        Self { accept: take("accept"), reject: take("reject") }
    }

    pub(crate) fn write(&self, path: &Path) {
        let list = |cases: &[Case]| cases.iter().map(|case| Value::Object(case.0.clone())).collect::<Vec<_>>();
        let value = json!({ "accept": list(&self.accept), "reject": list(&self.reject) });
        let text = serde_json::to_string_pretty(&value).expect("JSON");
        std::fs::write(path, text + "\n").expect("the folder exists");
    }

    /// The refused cases, each completed from the accepted one that it is a defect of.
    pub(crate) fn rejections(&self) -> impl Iterator<Item = Case> {
        self.reject.iter().map(|defect| {
            let of = defect.text("of");
            let base = self.accept.iter().find(|case| case.text("name") == of).expect("an accepted case");
            let mut case = defect.clone().over(base);
            if let Some(splice) = defect.0.get("splice") {
                let number = |at: usize| usize::try_from(splice[at].as_u64().expect("a number")).expect("small");
                let (at, gone) = (number(0), number(1));
                let come = HEXLOWER.decode(splice[2].as_str().expect("a text").as_bytes()).expect("hexadecimal");
                let mut object = case.hex("object");
                object.splice(at..at + gone, come);
                case = case.with("object", &object);
                // An attacker who writes the bytes writes their address too.
                case.0.remove("id");
            }
            case
        })
    }
}

impl Case {
    pub(crate) fn named(name: &str) -> Self {
        Self::default().say("name", name)
    }

    /// A defect of the accepted case `of`.
    pub(crate) fn defect(defect: &str, of: &str) -> Self {
        Self::default().say("defect", defect).say("of", of)
    }

    pub(crate) fn say(mut self, field: &str, text: &str) -> Self {
        self.0.insert(field.into(), text.into());
        self
    }

    pub(crate) fn count(mut self, field: &str, number: u64) -> Self {
        self.0.insert(field.into(), number.into());
        self
    }

    pub(crate) fn with(self, field: &str, bytes: &[u8]) -> Self {
        self.say(field, &HEXLOWER.encode(bytes))
    }

    /// Takes `gone` bytes out of the accepted object at `at`, and puts `come` there.
    pub(crate) fn splice(mut self, at: usize, gone: usize, come: &[u8]) -> Self {
        self.0.insert("splice".into(), json!([at, gone, HEXLOWER.encode(come)]));
        self
    }

    pub(crate) fn optional(&self, field: &str) -> Option<String> {
        self.0.get(field).map(|value| value.as_str().expect("a text").to_owned())
    }

    pub(crate) fn text(&self, field: &str) -> String {
        self.optional(field).unwrap_or_else(|| panic!("no `{field}` in {self:?}"))
    }

    pub(crate) fn number(&self, field: &str) -> u64 {
        self.0.get(field).and_then(Value::as_u64).unwrap_or_else(|| panic!("no number `{field}` in {self:?}"))
    }

    pub(crate) fn hex(&self, field: &str) -> Vec<u8> {
        HEXLOWER.decode(self.text(field).as_bytes()).expect("hexadecimal")
    }

    pub(crate) fn array<const N: usize>(&self, field: &str) -> [u8; N] {
        self.hex(field).try_into().unwrap_or_else(|bytes: Vec<u8>| panic!("`{field}` has {} bytes", bytes.len()))
    }

    /// These fields, and those of `base` where this case says nothing.
    pub(crate) fn over(self, base: &Self) -> Self {
        let mut fields = base.0.clone();
        fields.extend(self.0);
        Self(fields)
    }

    fn of(value: Value) -> Self {
        match value {
            Value::Object(fields) => Self(fields),
            other => panic!("no case: {other}"),
        }
    }
}
