//! What an identity provider claims of somebody, and what is made of it here.

use rehome_domain::{
    account::AccountName,
    identity::{Identity, Vouched},
    lang::Lang,
    role::Role,
};
use serde_json::Value;

use crate::texts;

/// Stands in a list of groups for whoever the provider vouches for.
const EVERYBODY: &str = "*";

/// Which claims say what, and which groups have which role.
#[derive(Debug, Clone, Default)]
pub struct Claims {
    /// The claim that says what journals call somebody, such as `preferred_username`.
    pub name: String,
    /// The claim that lists somebody's groups or roles there; within another one by a dot, such as
    /// `realm_access.roles`.
    pub groups: String,
    /// The groups that have each role here; the highest counts. `*`: everybody.
    pub roles: Vec<(Role, Vec<String>)>,
}

/// Why claims don't say who may come in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unclear {
    /// The claim with the name is not there.
    #[error("the claim `{0}` is missing")]
    NoName(String),
    /// It can't be the name of an account.
    #[error("the claim `{claim}` says `{given}`, which can't be an account's name")]
    BadName {
        /// Which claim.
        claim: String,
        /// What it says.
        given: String,
    },
    /// None of their groups has a role.
    #[error("none of the groups in the claim `{claim}` of `{name}` has a role")]
    NoRole {
        /// Which claim.
        claim: String,
        /// Whose.
        name: String,
    },
}

impl Unclear {
    /// What a person reads, and what to do.
    #[must_use]
    pub fn sentence(&self, lang: Lang) -> String {
        match self {
            Self::NoName(claim) => texts::claim_missing(lang, claim),
            Self::BadName { claim, given } => texts::claim_no_name(lang, claim, given),
            Self::NoRole { claim, name } => texts::claim_no_role(lang, claim, name),
        }
    }
}

impl Claims {
    /// Who it is and what they may do, by the verified claims about them.
    ///
    /// # Errors
    /// If they have no name that can be one, or no role.
    pub fn read(&self, issuer: &str, subject: &str, claims: &Value) -> Result<Vouched, Unclear> {
        let given =
            found(claims, &self.name).and_then(Value::as_str).ok_or(Unclear::NoName(self.name.clone()))?;
        // People write themselves `Ann.Lee` in one place and `ann.lee` in another: one spelling in journals.
        let name: AccountName = given
            .to_lowercase()
            .parse()
            .map_err(|_| Unclear::BadName { claim: self.name.clone(), given: given.to_owned() })?;
        let groups = match found(claims, &self.groups) {
            Some(Value::String(one)) => vec![one.as_str()],
            Some(Value::Array(some)) => some.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let has = |named: &String| named == EVERYBODY || groups.contains(&named.as_str());
        let roles = self.roles.iter().filter(|(_, named)| named.iter().any(has)).map(|(role, _)| *role);
        let role = roles
            .max()
            .ok_or_else(|| Unclear::NoRole { claim: self.groups.clone(), name: name.to_string() })?;
        Ok(Vouched {
            identity: Identity { issuer: issuer.to_owned(), subject: subject.to_owned() },
            name,
            display_name: found(claims, "name").and_then(Value::as_str).unwrap_or_default().to_owned(),
            role,
        })
    }
}

/// A claim by its name; one whose name has a dot itself (such as a URL) is found too.
fn found<'a>(claims: &'a Value, path: &str) -> Option<&'a Value> {
    claims.get(path).or_else(|| path.split('.').try_fold(claims, |within, name| within.get(name)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims() -> Claims {
        let groups = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Claims {
            name: "preferred_username".to_owned(),
            groups: "realm_access.roles".to_owned(),
            roles: vec![
                (Role::Viewer, groups(&["noc", "oss"])),
                (Role::Operator, groups(&["noc"])),
                (Role::Admin, groups(&["noc-lead"])),
            ],
        }
    }

    fn read(groups: &Value) -> Result<Role, Unclear> {
        let said =
            json!({ "preferred_username": "Ann.Lee", "name": "李安", "realm_access": { "roles": groups } });
        claims().read("https://id.example", "s1", &said).map(|vouched| {
            assert_eq!((vouched.name.as_str(), vouched.display_name.as_str()), ("ann.lee", "李安"));
            assert_eq!(
                (vouched.identity.issuer.as_str(), vouched.identity.subject.as_str()),
                ("https://id.example", "s1")
            );
            vouched.role
        })
    }

    #[test]
    fn the_highest_role_of_all_their_groups_counts_and_without_one_nobody_comes_in() {
        assert_eq!(read(&json!(["x", "oss"])), Ok(Role::Viewer));
        assert_eq!(read(&json!(["oss", "noc"])), Ok(Role::Operator));
        assert_eq!(read(&json!(["noc-lead", "oss"])), Ok(Role::Admin));
        assert_eq!(read(&json!("noc")), Ok(Role::Operator));
        let none = Unclear::NoRole { claim: "realm_access.roles".to_owned(), name: "ann.lee".to_owned() };
        for groups in [json!([]), json!(["NOC"]), json!([1, null]), json!({ "noc": true }), json!(null)] {
            assert_eq!(read(&groups), Err(none.clone()), "{groups}");
        }
    }

    #[test]
    fn everybody_can_be_given_a_role() {
        let claims = Claims { roles: vec![(Role::Viewer, vec!["*".to_owned()])], ..claims() };
        let said = json!({ "preferred_username": "ann" });
        assert_eq!(claims.read("i", "s", &said).unwrap().role, Role::Viewer);
    }

    #[test]
    fn a_name_that_is_missing_or_can_not_be_one_is_told_by_its_claim() {
        for said in [json!({}), json!({ "preferred_username": 7 }), json!([])] {
            let missing = Unclear::NoName("preferred_username".to_owned());
            assert_eq!(claims().read("i", "s", &said), Err(missing));
        }
        let said = json!({ "preferred_username": "李" });
        let bad = Unclear::BadName { claim: "preferred_username".to_owned(), given: "李".to_owned() };
        assert_eq!(claims().read("i", "s", &said), Err(bad));
    }

    #[test]
    fn a_claim_whose_name_is_a_url_is_found_by_it() {
        let claims = Claims { groups: "https://carrier.example/roles".to_owned(), ..claims() };
        let said = json!({ "preferred_username": "ann", "https://carrier.example/roles": ["noc"] });
        assert_eq!(claims.read("i", "s", &said).unwrap().role, Role::Operator);
    }
}
