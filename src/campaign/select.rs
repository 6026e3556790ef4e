//! Which cases are meant: names with `*` and `?`, and expressions such as `workload(register) & !fault(kill)`.

use super::Case;
use crate::exit::{Exit, Failure};

/// What an expression asks of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expr {
    /// Something matches.
    Is(Field, String),
    /// Not so.
    Not(Box<Expr>),
    /// Both.
    And(Box<Expr>, Box<Expr>),
    /// One or both.
    Or(Box<Expr>, Box<Expr>),
}

/// What can be asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    /// CASE, or CASE/FAULTS.
    Case,
    /// The workload.
    Workload,
    /// The target.
    Target,
    /// The set of faults, or one of its faults.
    Fault,
}

const FIELDS: [(&str, Field); 4] = [
    ("case", Field::Case),
    ("workload", Field::Workload),
    ("target", Field::Target),
    ("fault", Field::Fault),
];

impl Expr {
    /// Reads one. `!` binds more tightly than `&`, and that more tightly than `|`.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        if text.len() > MOST {
            return Err(Failure::usage(format!("-E: more than {MOST} characters")));
        }
        let mut parser = Parser {
            text,
            at: 0,
            depth: 0,
        };
        let expr = parser.any()?;
        match parser.peek() {
            None => Ok(expr),
            Some(_) => Err(parser.wrong("expected &, | or the end")),
        }
    }

    /// Whether it is true of a case.
    pub(crate) fn holds(&self, case: &Case) -> bool {
        match self {
            Self::Is(field, pattern) => match field {
                Field::Case => is_called(pattern, &case.case, &case.faults),
                Field::Workload => matches(pattern, case.workload),
                Field::Target => matches(pattern, &case.config.target.adapter),
                Field::Fault => {
                    let named = std::iter::once(&case.faults);
                    named.chain(&case.kinds).any(|name| matches(pattern, name))
                }
            },
            Self::Not(of) => !of.holds(case),
            Self::And(a, b) => a.holds(case) && b.holds(case),
            Self::Or(a, b) => a.holds(case) || b.holds(case),
        }
    }
}

/// By recursive descent.
struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn any(&mut self) -> Result<Expr, Failure> {
        let mut expr = self.all()?;
        while self.take('|') {
            expr = Expr::Or(Box::new(expr), Box::new(self.all()?));
        }
        Ok(expr)
    }

    fn all(&mut self) -> Result<Expr, Failure> {
        let mut expr = self.one()?;
        while self.take('&') {
            expr = Expr::And(Box::new(expr), Box::new(self.one()?));
        }
        Ok(expr)
    }

    fn one(&mut self) -> Result<Expr, Failure> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.wrong("too many ! and ( within each other"));
        }
        let one = self.deeper();
        self.depth -= 1;
        one
    }

    fn deeper(&mut self) -> Result<Expr, Failure> {
        if self.take('!') {
            return Ok(Expr::Not(Box::new(self.one()?)));
        }
        if !self.take('(') {
            return self.is();
        }
        let inner = self.any()?;
        match self.take(')') {
            true => Ok(inner),
            false => Err(self.wrong("expected )")),
        }
    }

    fn is(&mut self) -> Result<Expr, Failure> {
        let rest = self.rest();
        let word = rest
            .split(|c: char| !c.is_ascii_alphabetic())
            .next()
            .unwrap_or_default();
        let Some((_, field)) = FIELDS.iter().find(|(name, _)| *name == word) else {
            return Err(self.wrong("expected case(…), workload(…), target(…) or fault(…)"));
        };
        self.at += word.len();
        if !self.take('(') {
            return Err(self.wrong("expected ("));
        }
        let Some((pattern, _)) = self.rest().split_once(')') else {
            return Err(self.wrong("expected a pattern, and )"));
        };
        if pattern.trim().is_empty() {
            return Err(self.wrong("expected a pattern; * is any"));
        }
        self.at += pattern.len() + 1;
        Ok(Expr::Is(*field, pattern.trim().to_owned()))
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// The next character that is no blank; those before it are passed over.
    fn peek(&mut self) -> Option<char> {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
        self.rest().chars().next()
    }

    fn take(&mut self, wanted: char) -> bool {
        let there = self.peek() == Some(wanted);
        if there {
            self.at += wanted.len_utf8();
        }
        there
    }

    fn wrong(&mut self, why: &str) -> Failure {
        self.peek();
        let column = self.text[..self.at].chars().count();
        Failure::usage(format!(
            "-E: {why}\n\n  {}\n  {}^",
            self.text,
            " ".repeat(column)
        ))
    }
}

/// Parentheses are descended into, and the stack is only so deep.
const DEEPEST: usize = 50;
/// The longest expression.
const MOST: usize = 2000;

/// The cases that names and an expression choose. Every name must choose something: one that does not is mistyped.
pub(crate) fn named(
    cases: Vec<Case>,
    names: &[String],
    expr: Option<&Expr>,
) -> Result<Vec<Case>, Failure> {
    let list: String = cases
        .iter()
        .map(|case| format!("\n  {}", case.name()))
        .collect();
    let nothing = |what: String| Failure {
        exit: Exit::NothingSelected,
        message: format!("{what}; there are:{list}"),
    };
    if let Some(name) = names
        .iter()
        .find(|name| !cases.iter().any(|c| is_called(name, &c.case, &c.faults)))
    {
        return Err(nothing(format!("no case is called {name}")));
    }
    let mut chosen = cases;
    chosen.retain(|case| {
        names.is_empty()
            || names
                .iter()
                .any(|name| is_called(name, &case.case, &case.faults))
    });
    chosen.retain(|case| expr.is_none_or(|expr| expr.holds(case)));
    match chosen.is_empty() {
        true => Err(nothing("no case is what -E asks for".to_owned())),
        false => Ok(chosen),
    }
}

/// Whether CASE, or CASE/FAULTS, is what a case under these faults is called.
pub(crate) fn is_called(pattern: &str, case: &str, faults: &str) -> bool {
    match pattern.contains('/') {
        true => matches(pattern, &format!("{case}/{faults}")),
        false => matches(pattern, case),
    }
}

/// `*` is any text, `?` any character, everything else itself. O(pattern × text): after a mismatch only the last `*` takes one
/// more.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    (p, t) = (at + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::case::tests::cases;

    fn nightly() -> Vec<Case> {
        cases(
            "cases:
  - { faults: [none, partition, partition+kill] }
  - { name: loose, target: { mode: quorum }, faults: [kill, wan] }
  - { target: etcd, cluster: { lab: 3 }, faults: kill@leader }
",
        )
        .unwrap()
    }

    fn chosen(names: &[&str], expr: Option<&str>) -> Vec<String> {
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        let expr = expr.map(|e| Expr::parse(e).unwrap());
        let chosen = named(nightly(), &names, expr.as_ref()).unwrap();
        chosen
            .iter()
            .map(|c| c.name().replace("register-embedded-consensus", "R"))
            .collect()
    }

    #[test]
    fn names_choose_by_case_or_by_case_and_faults() {
        assert_eq!(chosen(&[], None).len(), 6);
        assert_eq!(chosen(&["loose"], None), ["loose/kill", "loose/wan"]);
        assert_eq!(chosen(&["loose/w*"], None), ["loose/wan"]);
        assert_eq!(
            chosen(&["register-embedded-*/none", "loose/kil?"], None),
            ["R/none", "loose/kill"]
        );
        assert_eq!(
            chosen(&["*/partition*"], None),
            ["R/partition", "R/partition+kill"]
        );
    }

    #[test]
    fn expressions_choose_by_what_a_case_is() {
        let of = |expr| chosen(&[], Some(expr));
        assert_eq!(of("fault(partition)"), ["R/partition", "R/partition+kill"]);
        assert_eq!(of("fault(partition)&fault(kill)"), ["R/partition+kill"]);
        assert_eq!(
            of("fault(none) | target( etcd )"),
            ["R/none", "register-etcd/kill-leader"]
        );
        assert_eq!(
            of("!fault(kill) & !fault(none)"),
            ["R/partition", "loose/wan"]
        );
        assert_eq!(
            of("!(fault(kill) | fault(none))"),
            ["R/partition", "loose/wan"]
        );
        // & before |
        assert_eq!(of("fault(none) | fault(wan) & case(nobody)"), ["R/none"]);
        assert_eq!(
            of("(fault(none) | fault(wan)) & case(loose)"),
            ["loose/wan"]
        );
        assert_eq!(
            of("workload(reg*) & !!case(*/partition+kill)"),
            ["R/partition+kill"]
        );
    }

    #[test]
    fn names_and_an_expression_must_both_choose() {
        assert_eq!(chosen(&["loose"], Some("fault(kill)")), ["loose/kill"]);
    }

    #[test]
    fn nothing_chosen_ends_with_5_and_what_there_is() {
        let none = named(nightly(), &["lose".to_owned()], None).unwrap_err();
        assert_eq!(none.exit.code(), 5);
        assert!(none.message.starts_with(
            "no case is called lose; there are:\n  register-embedded-consensus/none\n"
        ));
        let expr = Expr::parse("fault(none) & fault(kill)").unwrap();
        assert_eq!(
            named(nightly(), &[], Some(&expr)).unwrap_err().exit.code(),
            5
        );
    }

    #[test]
    fn a_mistake_is_shown_where_it_is() {
        let wrong = |text: &str| Expr::parse(text).unwrap_err().message;
        assert_eq!(
            wrong("fault(kill) fault(none)"),
            "-E: expected &, | or the end\n\n  fault(kill) fault(none)\n              ^"
        );
        for (text, why) in [
            ("", "expected case("),
            ("fault", "expected ("),
            ("fault(kill", "and )"),
            ("fault()", "expected a pattern"),
            ("(fault(kill)", "expected )"),
            ("name(x)", "expected case("),
            ("fault(kill) &", "expected case("),
        ] {
            assert!(wrong(text).contains(why), "{text}: {}", wrong(text));
        }
        assert!(wrong(&"(".repeat(100_000)).contains("characters"));
        assert!(wrong(&"(".repeat(MOST)).contains("too many"));
    }

    #[test]
    fn stars_match_as_shells_do() {
        for (pattern, text, does) in [
            ("*", "", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b", "aXbY", false),
            ("?", "é", true),
            ("?", "", false),
            ("**x", "x", true),
            ("a*", "b", false),
        ] {
            assert_eq!(matches(pattern, text), does, "{pattern} {text}");
        }
    }
}
