//! The status of a task as PostgreSQL's `task_status`.

use crate::domain::task::TaskStatus;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueRef, Postgres};
use sqlx::{Decode, Encode, Type};

impl Type<Postgres> for TaskStatus {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("task_status")
    }
}

impl PgHasArrayType for TaskStatus {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::array_of("task_status")
    }
}

impl Encode<'_, Postgres> for TaskStatus {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        <&str as Encode<Postgres>>::encode(self.as_str(), buffer)
    }
}

impl<'r> Decode<'r, Postgres> for TaskStatus {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        Ok(<&str as Decode<Postgres>>::decode(value)?.parse()?)
    }
}
