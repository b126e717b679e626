//! Kinds and states that are one plain word on the wire, in the database and in `as_str`.

/// Serializes a type as its word. By hand, because what serde derives for every variant is a good part of the browser's program.
macro_rules! serialized_as_word {
    ($word:ty) => {
        impl serde::Serialize for $word {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $word {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                let known = Self::ALL.into_iter().find(|word| word.as_str() == text);
                known.ok_or_else(|| serde::de::Error::custom("an unknown word"))
            }
        }
    };
}
