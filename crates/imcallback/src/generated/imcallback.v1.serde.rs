impl serde::Serialize for AccountPair {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.from_account.is_empty() {
            len += 1;
        }
        if !self.to_account.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.AccountPair", len)?;
        if !self.from_account.is_empty() {
            struct_ser.serialize_field("From_Account", &self.from_account)?;
        }
        if !self.to_account.is_empty() {
            struct_ser.serialize_field("To_Account", &self.to_account)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for AccountPair {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "from_account",
            "From_Account",
            "to_account",
            "To_Account",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            FromAccount,
            ToAccount,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "From_Account" | "from_account" => Ok(GeneratedField::FromAccount),
                            "To_Account" | "to_account" => Ok(GeneratedField::ToAccount),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = AccountPair;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.AccountPair")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<AccountPair, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut from_account__ = None;
                let mut to_account__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::FromAccount => {
                            if from_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("From_Account"));
                            }
                            from_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::ToAccount => {
                            if to_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("To_Account"));
                            }
                            to_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(AccountPair {
                    from_account: from_account__.unwrap_or_default(),
                    to_account: to_account__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.AccountPair", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for AlertRequestOverLimit {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.service_name.is_empty() {
            len += 1;
        }
        if !self.command.is_empty() {
            len += 1;
        }
        if self.request != 0 {
            len += 1;
        }
        if self.limit != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.AlertRequestOverLimit", len)?;
        if !self.service_name.is_empty() {
            struct_ser.serialize_field("ServiceName", &self.service_name)?;
        }
        if !self.command.is_empty() {
            struct_ser.serialize_field("Command", &self.command)?;
        }
        if self.request != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("Request", ToString::to_string(&self.request).as_str())?;
        }
        if self.limit != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("Limit", ToString::to_string(&self.limit).as_str())?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for AlertRequestOverLimit {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "service_name",
            "ServiceName",
            "command",
            "Command",
            "request",
            "Request",
            "limit",
            "Limit",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            ServiceName,
            Command,
            Request,
            Limit,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "ServiceName" | "service_name" => Ok(GeneratedField::ServiceName),
                            "Command" | "command" => Ok(GeneratedField::Command),
                            "Request" | "request" => Ok(GeneratedField::Request),
                            "Limit" | "limit" => Ok(GeneratedField::Limit),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = AlertRequestOverLimit;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.AlertRequestOverLimit")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<AlertRequestOverLimit, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut service_name__ = None;
                let mut command__ = None;
                let mut request__ = None;
                let mut limit__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::ServiceName => {
                            if service_name__.is_some() {
                                return Err(serde::de::Error::duplicate_field("ServiceName"));
                            }
                            service_name__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Command => {
                            if command__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Command"));
                            }
                            command__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Request => {
                            if request__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Request"));
                            }
                            request__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Limit => {
                            if limit__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Limit"));
                            }
                            limit__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(AlertRequestOverLimit {
                    service_name: service_name__.unwrap_or_default(),
                    command: command__.unwrap_or_default(),
                    request: request__.unwrap_or_default(),
                    limit: limit__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.AlertRequestOverLimit", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for AppStatus {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.sdk_app_id != 0 {
            len += 1;
        }
        if self.is_verified {
            len += 1;
        }
        if self.accepted != 0 {
            len += 1;
        }
        if self.last_accept_time.is_some() {
            len += 1;
        }
        if self.refused != 0 {
            len += 1;
        }
        if self.last_refusal_time.is_some() {
            len += 1;
        }
        if self.last_refusal_reason != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.AppStatus", len)?;
        if self.sdk_app_id != 0 {
            struct_ser.serialize_field("sdkAppId", &self.sdk_app_id)?;
        }
        if self.is_verified {
            struct_ser.serialize_field("isVerified", &self.is_verified)?;
        }
        if self.accepted != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("accepted", ToString::to_string(&self.accepted).as_str())?;
        }
        if let Some(v) = self.last_accept_time.as_ref() {
            struct_ser.serialize_field("lastAcceptTime", v)?;
        }
        if self.refused != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("refused", ToString::to_string(&self.refused).as_str())?;
        }
        if let Some(v) = self.last_refusal_time.as_ref() {
            struct_ser.serialize_field("lastRefusalTime", v)?;
        }
        if self.last_refusal_reason != 0 {
            let v = RefusalReason::try_from(self.last_refusal_reason)
                .map_err(|_| serde::ser::Error::custom(format!("Invalid variant {}", self.last_refusal_reason)))?;
            struct_ser.serialize_field("lastRefusalReason", &v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for AppStatus {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "sdk_app_id",
            "sdkAppId",
            "is_verified",
            "isVerified",
            "accepted",
            "last_accept_time",
            "lastAcceptTime",
            "refused",
            "last_refusal_time",
            "lastRefusalTime",
            "last_refusal_reason",
            "lastRefusalReason",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            SdkAppId,
            IsVerified,
            Accepted,
            LastAcceptTime,
            Refused,
            LastRefusalTime,
            LastRefusalReason,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "sdkAppId" | "sdk_app_id" => Ok(GeneratedField::SdkAppId),
                            "isVerified" | "is_verified" => Ok(GeneratedField::IsVerified),
                            "accepted" => Ok(GeneratedField::Accepted),
                            "lastAcceptTime" | "last_accept_time" => Ok(GeneratedField::LastAcceptTime),
                            "refused" => Ok(GeneratedField::Refused),
                            "lastRefusalTime" | "last_refusal_time" => Ok(GeneratedField::LastRefusalTime),
                            "lastRefusalReason" | "last_refusal_reason" => Ok(GeneratedField::LastRefusalReason),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = AppStatus;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.AppStatus")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<AppStatus, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut sdk_app_id__ = None;
                let mut is_verified__ = None;
                let mut accepted__ = None;
                let mut last_accept_time__ = None;
                let mut refused__ = None;
                let mut last_refusal_time__ = None;
                let mut last_refusal_reason__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::SdkAppId => {
                            if sdk_app_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("sdkAppId"));
                            }
                            sdk_app_id__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::IsVerified => {
                            if is_verified__.is_some() {
                                return Err(serde::de::Error::duplicate_field("isVerified"));
                            }
                            is_verified__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Accepted => {
                            if accepted__.is_some() {
                                return Err(serde::de::Error::duplicate_field("accepted"));
                            }
                            accepted__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::LastAcceptTime => {
                            if last_accept_time__.is_some() {
                                return Err(serde::de::Error::duplicate_field("lastAcceptTime"));
                            }
                            last_accept_time__ = map_.next_value()?;
                        }
                        GeneratedField::Refused => {
                            if refused__.is_some() {
                                return Err(serde::de::Error::duplicate_field("refused"));
                            }
                            refused__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::LastRefusalTime => {
                            if last_refusal_time__.is_some() {
                                return Err(serde::de::Error::duplicate_field("lastRefusalTime"));
                            }
                            last_refusal_time__ = map_.next_value()?;
                        }
                        GeneratedField::LastRefusalReason => {
                            if last_refusal_reason__.is_some() {
                                return Err(serde::de::Error::duplicate_field("lastRefusalReason"));
                            }
                            last_refusal_reason__ = Some(map_.next_value::<RefusalReason>()? as i32);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(AppStatus {
                    sdk_app_id: sdk_app_id__.unwrap_or_default(),
                    is_verified: is_verified__.unwrap_or_default(),
                    accepted: accepted__.unwrap_or_default(),
                    last_accept_time: last_accept_time__,
                    refused: refused__.unwrap_or_default(),
                    last_refusal_time: last_refusal_time__,
                    last_refusal_reason: last_refusal_reason__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.AppStatus", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for BotGroupMessage {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.group_id.is_empty() {
            len += 1;
        }
        if !self.r#type.is_empty() {
            len += 1;
        }
        if !self.from_account.is_empty() {
            len += 1;
        }
        if !self.operator_account.is_empty() {
            len += 1;
        }
        if self.random != 0 {
            len += 1;
        }
        if self.msg_seq != 0 {
            len += 1;
        }
        if self.msg_random != 0 {
            len += 1;
        }
        if self.online_only_flag != 0 {
            len += 1;
        }
        if !self.msg_body.is_empty() {
            len += 1;
        }
        if !self.at_robot_account.is_empty() {
            len += 1;
        }
        if !self.cloud_custom_data.is_empty() {
            len += 1;
        }
        if !self.is_place_msg.is_empty() {
            len += 1;
        }
        if self.msg_time != 0 {
            len += 1;
        }
        if !self.at_robots_account.is_empty() {
            len += 1;
        }
        if !self.topic_id.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.BotGroupMessage", len)?;
        if !self.group_id.is_empty() {
            struct_ser.serialize_field("GroupId", &self.group_id)?;
        }
        if !self.r#type.is_empty() {
            struct_ser.serialize_field("Type", &self.r#type)?;
        }
        if !self.from_account.is_empty() {
            struct_ser.serialize_field("From_Account", &self.from_account)?;
        }
        if !self.operator_account.is_empty() {
            struct_ser.serialize_field("Operator_Account", &self.operator_account)?;
        }
        if self.random != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("Random", ToString::to_string(&self.random).as_str())?;
        }
        if self.msg_seq != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("MsgSeq", ToString::to_string(&self.msg_seq).as_str())?;
        }
        if self.msg_random != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("MsgRandom", ToString::to_string(&self.msg_random).as_str())?;
        }
        if self.online_only_flag != 0 {
            struct_ser.serialize_field("OnlineOnlyFlag", &self.online_only_flag)?;
        }
        if !self.msg_body.is_empty() {
            struct_ser.serialize_field("MsgBody", &self.msg_body)?;
        }
        if !self.at_robot_account.is_empty() {
            struct_ser.serialize_field("AtRobotAccount", &self.at_robot_account)?;
        }
        if !self.cloud_custom_data.is_empty() {
            struct_ser.serialize_field("CloudCustomData", &self.cloud_custom_data)?;
        }
        if !self.is_place_msg.is_empty() {
            struct_ser.serialize_field("IsPlaceMsg", &self.is_place_msg)?;
        }
        if self.msg_time != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("MsgTime", ToString::to_string(&self.msg_time).as_str())?;
        }
        if !self.at_robots_account.is_empty() {
            struct_ser.serialize_field("AtRobots_Account", &self.at_robots_account)?;
        }
        if !self.topic_id.is_empty() {
            struct_ser.serialize_field("TopicId", &self.topic_id)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for BotGroupMessage {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "group_id",
            "GroupId",
            "type",
            "Type",
            "from_account",
            "From_Account",
            "operator_account",
            "Operator_Account",
            "random",
            "Random",
            "msg_seq",
            "MsgSeq",
            "msg_random",
            "MsgRandom",
            "online_only_flag",
            "OnlineOnlyFlag",
            "msg_body",
            "MsgBody",
            "at_robot_account",
            "AtRobotAccount",
            "cloud_custom_data",
            "CloudCustomData",
            "is_place_msg",
            "IsPlaceMsg",
            "msg_time",
            "MsgTime",
            "at_robots_account",
            "AtRobots_Account",
            "topic_id",
            "TopicId",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            GroupId,
            Type,
            FromAccount,
            OperatorAccount,
            Random,
            MsgSeq,
            MsgRandom,
            OnlineOnlyFlag,
            MsgBody,
            AtRobotAccount,
            CloudCustomData,
            IsPlaceMsg,
            MsgTime,
            AtRobotsAccount,
            TopicId,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "GroupId" | "group_id" => Ok(GeneratedField::GroupId),
                            "Type" | "type" => Ok(GeneratedField::Type),
                            "From_Account" | "from_account" => Ok(GeneratedField::FromAccount),
                            "Operator_Account" | "operator_account" => Ok(GeneratedField::OperatorAccount),
                            "Random" | "random" => Ok(GeneratedField::Random),
                            "MsgSeq" | "msg_seq" => Ok(GeneratedField::MsgSeq),
                            "MsgRandom" | "msg_random" => Ok(GeneratedField::MsgRandom),
                            "OnlineOnlyFlag" | "online_only_flag" => Ok(GeneratedField::OnlineOnlyFlag),
                            "MsgBody" | "msg_body" => Ok(GeneratedField::MsgBody),
                            "AtRobotAccount" | "at_robot_account" => Ok(GeneratedField::AtRobotAccount),
                            "CloudCustomData" | "cloud_custom_data" => Ok(GeneratedField::CloudCustomData),
                            "IsPlaceMsg" | "is_place_msg" => Ok(GeneratedField::IsPlaceMsg),
                            "MsgTime" | "msg_time" => Ok(GeneratedField::MsgTime),
                            "AtRobots_Account" | "at_robots_account" => Ok(GeneratedField::AtRobotsAccount),
                            "TopicId" | "topic_id" => Ok(GeneratedField::TopicId),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = BotGroupMessage;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.BotGroupMessage")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<BotGroupMessage, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut group_id__ = None;
                let mut r#type__ = None;
                let mut from_account__ = None;
                let mut operator_account__ = None;
                let mut random__ = None;
                let mut msg_seq__ = None;
                let mut msg_random__ = None;
                let mut online_only_flag__ = None;
                let mut msg_body__ = None;
                let mut at_robot_account__ = None;
                let mut cloud_custom_data__ = None;
                let mut is_place_msg__ = None;
                let mut msg_time__ = None;
                let mut at_robots_account__ = None;
                let mut topic_id__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::GroupId => {
                            if group_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("GroupId"));
                            }
                            group_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Type => {
                            if r#type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Type"));
                            }
                            r#type__ = Some(map_.next_value()?);
                        }
                        GeneratedField::FromAccount => {
                            if from_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("From_Account"));
                            }
                            from_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::OperatorAccount => {
                            if operator_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Operator_Account"));
                            }
                            operator_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Random => {
                            if random__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Random"));
                            }
                            random__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::MsgSeq => {
                            if msg_seq__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgSeq"));
                            }
                            msg_seq__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::MsgRandom => {
                            if msg_random__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgRandom"));
                            }
                            msg_random__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::OnlineOnlyFlag => {
                            if online_only_flag__.is_some() {
                                return Err(serde::de::Error::duplicate_field("OnlineOnlyFlag"));
                            }
                            online_only_flag__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::MsgBody => {
                            if msg_body__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgBody"));
                            }
                            msg_body__ = Some(map_.next_value()?);
                        }
                        GeneratedField::AtRobotAccount => {
                            if at_robot_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("AtRobotAccount"));
                            }
                            at_robot_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::CloudCustomData => {
                            if cloud_custom_data__.is_some() {
                                return Err(serde::de::Error::duplicate_field("CloudCustomData"));
                            }
                            cloud_custom_data__ = Some(map_.next_value()?);
                        }
                        GeneratedField::IsPlaceMsg => {
                            if is_place_msg__.is_some() {
                                return Err(serde::de::Error::duplicate_field("IsPlaceMsg"));
                            }
                            is_place_msg__ = Some(map_.next_value()?);
                        }
                        GeneratedField::MsgTime => {
                            if msg_time__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgTime"));
                            }
                            msg_time__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::AtRobotsAccount => {
                            if at_robots_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("AtRobots_Account"));
                            }
                            at_robots_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::TopicId => {
                            if topic_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("TopicId"));
                            }
                            topic_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(BotGroupMessage {
                    group_id: group_id__.unwrap_or_default(),
                    r#type: r#type__.unwrap_or_default(),
                    from_account: from_account__.unwrap_or_default(),
                    operator_account: operator_account__.unwrap_or_default(),
                    random: random__.unwrap_or_default(),
                    msg_seq: msg_seq__.unwrap_or_default(),
                    msg_random: msg_random__.unwrap_or_default(),
                    online_only_flag: online_only_flag__.unwrap_or_default(),
                    msg_body: msg_body__.unwrap_or_default(),
                    at_robot_account: at_robot_account__.unwrap_or_default(),
                    cloud_custom_data: cloud_custom_data__.unwrap_or_default(),
                    is_place_msg: is_place_msg__.unwrap_or_default(),
                    msg_time: msg_time__.unwrap_or_default(),
                    at_robots_account: at_robots_account__.unwrap_or_default(),
                    topic_id: topic_id__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.BotGroupMessage", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for C2cAfterModifyMsg {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.from_account.is_empty() {
            len += 1;
        }
        if !self.to_account.is_empty() {
            len += 1;
        }
        if !self.operator_account.is_empty() {
            len += 1;
        }
        if !self.msg_body.is_empty() {
            len += 1;
        }
        if !self.cloud_custom_data.is_empty() {
            len += 1;
        }
        if !self.msg_key.is_empty() {
            len += 1;
        }
        if self.msg_random != 0 {
            len += 1;
        }
        if self.msg_seq != 0 {
            len += 1;
        }
        if self.msg_time != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.C2cAfterModifyMsg", len)?;
        if !self.from_account.is_empty() {
            struct_ser.serialize_field("From_Account", &self.from_account)?;
        }
        if !self.to_account.is_empty() {
            struct_ser.serialize_field("To_Account", &self.to_account)?;
        }
        if !self.operator_account.is_empty() {
            struct_ser.serialize_field("Operator_Account", &self.operator_account)?;
        }
        if !self.msg_body.is_empty() {
            struct_ser.serialize_field("MsgBody", &self.msg_body)?;
        }
        if !self.cloud_custom_data.is_empty() {
            struct_ser.serialize_field("CloudCustomData", &self.cloud_custom_data)?;
        }
        if !self.msg_key.is_empty() {
            struct_ser.serialize_field("MsgKey", &self.msg_key)?;
        }
        if self.msg_random != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("MsgRandom", ToString::to_string(&self.msg_random).as_str())?;
        }
        if self.msg_seq != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("MsgSeq", ToString::to_string(&self.msg_seq).as_str())?;
        }
        if self.msg_time != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("MsgTime", ToString::to_string(&self.msg_time).as_str())?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for C2cAfterModifyMsg {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "from_account",
            "From_Account",
            "to_account",
            "To_Account",
            "operator_account",
            "Operator_Account",
            "msg_body",
            "MsgBody",
            "cloud_custom_data",
            "CloudCustomData",
            "msg_key",
            "MsgKey",
            "msg_random",
            "MsgRandom",
            "msg_seq",
            "MsgSeq",
            "msg_time",
            "MsgTime",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            FromAccount,
            ToAccount,
            OperatorAccount,
            MsgBody,
            CloudCustomData,
            MsgKey,
            MsgRandom,
            MsgSeq,
            MsgTime,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "From_Account" | "from_account" => Ok(GeneratedField::FromAccount),
                            "To_Account" | "to_account" => Ok(GeneratedField::ToAccount),
                            "Operator_Account" | "operator_account" => Ok(GeneratedField::OperatorAccount),
                            "MsgBody" | "msg_body" => Ok(GeneratedField::MsgBody),
                            "CloudCustomData" | "cloud_custom_data" => Ok(GeneratedField::CloudCustomData),
                            "MsgKey" | "msg_key" => Ok(GeneratedField::MsgKey),
                            "MsgRandom" | "msg_random" => Ok(GeneratedField::MsgRandom),
                            "MsgSeq" | "msg_seq" => Ok(GeneratedField::MsgSeq),
                            "MsgTime" | "msg_time" => Ok(GeneratedField::MsgTime),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = C2cAfterModifyMsg;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.C2cAfterModifyMsg")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<C2cAfterModifyMsg, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut from_account__ = None;
                let mut to_account__ = None;
                let mut operator_account__ = None;
                let mut msg_body__ = None;
                let mut cloud_custom_data__ = None;
                let mut msg_key__ = None;
                let mut msg_random__ = None;
                let mut msg_seq__ = None;
                let mut msg_time__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::FromAccount => {
                            if from_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("From_Account"));
                            }
                            from_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::ToAccount => {
                            if to_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("To_Account"));
                            }
                            to_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::OperatorAccount => {
                            if operator_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Operator_Account"));
                            }
                            operator_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::MsgBody => {
                            if msg_body__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgBody"));
                            }
                            msg_body__ = Some(map_.next_value()?);
                        }
                        GeneratedField::CloudCustomData => {
                            if cloud_custom_data__.is_some() {
                                return Err(serde::de::Error::duplicate_field("CloudCustomData"));
                            }
                            cloud_custom_data__ = Some(map_.next_value()?);
                        }
                        GeneratedField::MsgKey => {
                            if msg_key__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgKey"));
                            }
                            msg_key__ = Some(map_.next_value()?);
                        }
                        GeneratedField::MsgRandom => {
                            if msg_random__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgRandom"));
                            }
                            msg_random__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::MsgSeq => {
                            if msg_seq__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgSeq"));
                            }
                            msg_seq__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::MsgTime => {
                            if msg_time__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgTime"));
                            }
                            msg_time__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(C2cAfterModifyMsg {
                    from_account: from_account__.unwrap_or_default(),
                    to_account: to_account__.unwrap_or_default(),
                    operator_account: operator_account__.unwrap_or_default(),
                    msg_body: msg_body__.unwrap_or_default(),
                    cloud_custom_data: cloud_custom_data__.unwrap_or_default(),
                    msg_key: msg_key__.unwrap_or_default(),
                    msg_random: msg_random__.unwrap_or_default(),
                    msg_seq: msg_seq__.unwrap_or_default(),
                    msg_time: msg_time__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.C2cAfterModifyMsg", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for C2cAfterMsgExtension {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.from_account.is_empty() {
            len += 1;
        }
        if !self.to_account.is_empty() {
            len += 1;
        }
        if !self.msg_key.is_empty() {
            len += 1;
        }
        if self.operate_type != 0 {
            len += 1;
        }
        if !self.extension_list.is_empty() {
            len += 1;
        }
        if self.seq != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.C2cAfterMsgExtension", len)?;
        if !self.from_account.is_empty() {
            struct_ser.serialize_field("From_Account", &self.from_account)?;
        }
        if !self.to_account.is_empty() {
            struct_ser.serialize_field("To_Account", &self.to_account)?;
        }
        if !self.msg_key.is_empty() {
            struct_ser.serialize_field("MsgKey", &self.msg_key)?;
        }
        if self.operate_type != 0 {
            struct_ser.serialize_field("OperateType", &self.operate_type)?;
        }
        if !self.extension_list.is_empty() {
            struct_ser.serialize_field("ExtensionList", &self.extension_list)?;
        }
        if self.seq != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("Seq", ToString::to_string(&self.seq).as_str())?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for C2cAfterMsgExtension {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "from_account",
            "From_Account",
            "to_account",
            "To_Account",
            "msg_key",
            "MsgKey",
            "operate_type",
            "OperateType",
            "extension_list",
            "ExtensionList",
            "seq",
            "Seq",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            FromAccount,
            ToAccount,
            MsgKey,
            OperateType,
            ExtensionList,
            Seq,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "From_Account" | "from_account" => Ok(GeneratedField::FromAccount),
                            "To_Account" | "to_account" => Ok(GeneratedField::ToAccount),
                            "MsgKey" | "msg_key" => Ok(GeneratedField::MsgKey),
                            "OperateType" | "operate_type" => Ok(GeneratedField::OperateType),
                            "ExtensionList" | "extension_list" => Ok(GeneratedField::ExtensionList),
                            "Seq" | "seq" => Ok(GeneratedField::Seq),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = C2cAfterMsgExtension;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.C2cAfterMsgExtension")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<C2cAfterMsgExtension, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut from_account__ = None;
                let mut to_account__ = None;
                let mut msg_key__ = None;
                let mut operate_type__ = None;
                let mut extension_list__ = None;
                let mut seq__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::FromAccount => {
                            if from_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("From_Account"));
                            }
                            from_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::ToAccount => {
                            if to_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("To_Account"));
                            }
                            to_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::MsgKey => {
                            if msg_key__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgKey"));
                            }
                            msg_key__ = Some(map_.next_value()?);
                        }
                        GeneratedField::OperateType => {
                            if operate_type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("OperateType"));
                            }
                            operate_type__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::ExtensionList => {
                            if extension_list__.is_some() {
                                return Err(serde::de::Error::duplicate_field("ExtensionList"));
                            }
                            extension_list__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Seq => {
                            if seq__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Seq"));
                            }
                            seq__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(C2cAfterMsgExtension {
                    from_account: from_account__.unwrap_or_default(),
                    to_account: to_account__.unwrap_or_default(),
                    msg_key: msg_key__.unwrap_or_default(),
                    operate_type: operate_type__.unwrap_or_default(),
                    extension_list: extension_list__.unwrap_or_default(),
                    seq: seq__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.C2cAfterMsgExtension", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for C2cAfterMsgReport {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.report_account.is_empty() {
            len += 1;
        }
        if !self.peer_account.is_empty() {
            len += 1;
        }
        if self.last_read_time != 0 {
            len += 1;
        }
        if self.unread_msg_num != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.C2cAfterMsgReport", len)?;
        if !self.report_account.is_empty() {
            struct_ser.serialize_field("Report_Account", &self.report_account)?;
        }
        if !self.peer_account.is_empty() {
            struct_ser.serialize_field("Peer_Account", &self.peer_account)?;
        }
        if self.last_read_time != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("LastReadTime", ToString::to_string(&self.last_read_time).as_str())?;
        }
        if self.unread_msg_num != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("UnreadMsgNum", ToString::to_string(&self.unread_msg_num).as_str())?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for C2cAfterMsgReport {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "report_account",
            "Report_Account",
            "peer_account",
            "Peer_Account",
            "last_read_time",
            "LastReadTime",
            "unread_msg_num",
            "UnreadMsgNum",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            ReportAccount,
            PeerAccount,
            LastReadTime,
            UnreadMsgNum,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "Report_Account" | "report_account" => Ok(GeneratedField::ReportAccount),
                            "Peer_Account" | "peer_account" => Ok(GeneratedField::PeerAccount),
                            "LastReadTime" | "last_read_time" => Ok(GeneratedField::LastReadTime),
                            "UnreadMsgNum" | "unread_msg_num" => Ok(GeneratedField::UnreadMsgNum),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = C2cAfterMsgReport;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.C2cAfterMsgReport")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<C2cAfterMsgReport, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut report_account__ = None;
                let mut peer_account__ = None;
                let mut last_read_time__ = None;
                let mut unread_msg_num__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::ReportAccount => {
                            if report_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Report_Account"));
                            }
                            report_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::PeerAccount => {
                            if peer_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Peer_Account"));
                            }
                            peer_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::LastReadTime => {
                            if last_read_time__.is_some() {
                                return Err(serde::de::Error::duplicate_field("LastReadTime"));
                            }
                            last_read_time__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::UnreadMsgNum => {
                            if unread_msg_num__.is_some() {
                                return Err(serde::de::Error::duplicate_field("UnreadMsgNum"));
                            }
                            unread_msg_num__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(C2cAfterMsgReport {
                    report_account: report_account__.unwrap_or_default(),
                    peer_account: peer_account__.unwrap_or_default(),
                    last_read_time: last_read_time__.unwrap_or_default(),
                    unread_msg_num: unread_msg_num__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.C2cAfterMsgReport", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for C2cAfterMsgWithDraw {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.from_account.is_empty() {
            len += 1;
        }
        if !self.to_account.is_empty() {
            len += 1;
        }
        if !self.msg_key.is_empty() {
            len += 1;
        }
        if self.unread_msg_num != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.C2cAfterMsgWithDraw", len)?;
        if !self.from_account.is_empty() {
            struct_ser.serialize_field("From_Account", &self.from_account)?;
        }
        if !self.to_account.is_empty() {
            struct_ser.serialize_field("To_Account", &self.to_account)?;
        }
        if !self.msg_key.is_empty() {
            struct_ser.serialize_field("MsgKey", &self.msg_key)?;
        }
        if self.unread_msg_num != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("UnreadMsgNum", ToString::to_string(&self.unread_msg_num).as_str())?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for C2cAfterMsgWithDraw {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "from_account",
            "From_Account",
            "to_account",
            "To_Account",
            "msg_key",
            "MsgKey",
            "unread_msg_num",
            "UnreadMsgNum",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            FromAccount,
            ToAccount,
            MsgKey,
            UnreadMsgNum,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "From_Account" | "from_account" => Ok(GeneratedField::FromAccount),
                            "To_Account" | "to_account" => Ok(GeneratedField::ToAccount),
                            "MsgKey" | "msg_key" => Ok(GeneratedField::MsgKey),
                            "UnreadMsgNum" | "unread_msg_num" => Ok(GeneratedField::UnreadMsgNum),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = C2cAfterMsgWithDraw;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.C2cAfterMsgWithDraw")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<C2cAfterMsgWithDraw, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut from_account__ = None;
                let mut to_account__ = None;
                let mut msg_key__ = None;
                let mut unread_msg_num__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::FromAccount => {
                            if from_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("From_Account"));
                            }
                            from_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::ToAccount => {
                            if to_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("To_Account"));
                            }
                            to_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::MsgKey => {
                            if msg_key__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgKey"));
                            }
                            msg_key__ = Some(map_.next_value()?);
                        }
                        GeneratedField::UnreadMsgNum => {
                            if unread_msg_num__.is_some() {
                                return Err(serde::de::Error::duplicate_field("UnreadMsgNum"));
                            }
                            unread_msg_num__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(C2cAfterMsgWithDraw {
                    from_account: from_account__.unwrap_or_default(),
                    to_account: to_account__.unwrap_or_default(),
                    msg_key: msg_key__.unwrap_or_default(),
                    unread_msg_num: unread_msg_num__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.C2cAfterMsgWithDraw", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for C2cAfterSendMsg {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.from_account.is_empty() {
            len += 1;
        }
        if !self.to_account.is_empty() {
            len += 1;
        }
        if self.msg_seq != 0 {
            len += 1;
        }
        if self.msg_random != 0 {
            len += 1;
        }
        if self.msg_time != 0 {
            len += 1;
        }
        if !self.msg_key.is_empty() {
            len += 1;
        }
        if self.online_only_flag != 0 {
            len += 1;
        }
        if !self.msg_body.is_empty() {
            len += 1;
        }
        if !self.cloud_custom_data.is_empty() {
            len += 1;
        }
        if self.send_msg_result != 0 {
            len += 1;
        }
        if !self.error_info.is_empty() {
            len += 1;
        }
        if self.unread_msg_num != 0 {
            len += 1;
        }
        if !self.msg_id.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.C2cAfterSendMsg", len)?;
        if !self.from_account.is_empty() {
            struct_ser.serialize_field("From_Account", &self.from_account)?;
        }
        if !self.to_account.is_empty() {
            struct_ser.serialize_field("To_Account", &self.to_account)?;
        }
        if self.msg_seq != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("MsgSeq", ToString::to_string(&self.msg_seq).as_str())?;
        }
        if self.msg_random != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("MsgRandom", ToString::to_string(&self.msg_random).as_str())?;
        }
        if self.msg_time != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("MsgTime", ToString::to_string(&self.msg_time).as_str())?;
        }
        if !self.msg_key.is_empty() {
            struct_ser.serialize_field("MsgKey", &self.msg_key)?;
        }
        if self.online_only_flag != 0 {
            struct_ser.serialize_field("OnlineOnlyFlag", &self.online_only_flag)?;
        }
        if !self.msg_body.is_empty() {
            struct_ser.serialize_field("MsgBody", &self.msg_body)?;
        }
        if !self.cloud_custom_data.is_empty() {
            struct_ser.serialize_field("CloudCustomData", &self.cloud_custom_data)?;
        }
        if self.send_msg_result != 0 {
            struct_ser.serialize_field("SendMsgResult", &self.send_msg_result)?;
        }
        if !self.error_info.is_empty() {
            struct_ser.serialize_field("ErrorInfo", &self.error_info)?;
        }
        if self.unread_msg_num != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("UnreadMsgNum", ToString::to_string(&self.unread_msg_num).as_str())?;
        }
        if !self.msg_id.is_empty() {
            struct_ser.serialize_field("MsgId", &self.msg_id)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for C2cAfterSendMsg {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "from_account",
            "From_Account",
            "to_account",
            "To_Account",
            "msg_seq",
            "MsgSeq",
            "msg_random",
            "MsgRandom",
            "msg_time",
            "MsgTime",
            "msg_key",
            "MsgKey",
            "online_only_flag",
            "OnlineOnlyFlag",
            "msg_body",
            "MsgBody",
            "cloud_custom_data",
            "CloudCustomData",
            "send_msg_result",
            "SendMsgResult",
            "error_info",
            "ErrorInfo",
            "unread_msg_num",
            "UnreadMsgNum",
            "msg_id",
            "MsgId",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            FromAccount,
            ToAccount,
            MsgSeq,
            MsgRandom,
            MsgTime,
            MsgKey,
            OnlineOnlyFlag,
            MsgBody,
            CloudCustomData,
            SendMsgResult,
            ErrorInfo,
            UnreadMsgNum,
            MsgId,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "From_Account" | "from_account" => Ok(GeneratedField::FromAccount),
                            "To_Account" | "to_account" => Ok(GeneratedField::ToAccount),
                            "MsgSeq" | "msg_seq" => Ok(GeneratedField::MsgSeq),
                            "MsgRandom" | "msg_random" => Ok(GeneratedField::MsgRandom),
                            "MsgTime" | "msg_time" => Ok(GeneratedField::MsgTime),
                            "MsgKey" | "msg_key" => Ok(GeneratedField::MsgKey),
                            "OnlineOnlyFlag" | "online_only_flag" => Ok(GeneratedField::OnlineOnlyFlag),
                            "MsgBody" | "msg_body" => Ok(GeneratedField::MsgBody),
                            "CloudCustomData" | "cloud_custom_data" => Ok(GeneratedField::CloudCustomData),
                            "SendMsgResult" | "send_msg_result" => Ok(GeneratedField::SendMsgResult),
                            "ErrorInfo" | "error_info" => Ok(GeneratedField::ErrorInfo),
                            "UnreadMsgNum" | "unread_msg_num" => Ok(GeneratedField::UnreadMsgNum),
                            "MsgId" | "msg_id" => Ok(GeneratedField::MsgId),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = C2cAfterSendMsg;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.C2cAfterSendMsg")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<C2cAfterSendMsg, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut from_account__ = None;
                let mut to_account__ = None;
                let mut msg_seq__ = None;
                let mut msg_random__ = None;
                let mut msg_time__ = None;
                let mut msg_key__ = None;
                let mut online_only_flag__ = None;
                let mut msg_body__ = None;
                let mut cloud_custom_data__ = None;
                let mut send_msg_result__ = None;
                let mut error_info__ = None;
                let mut unread_msg_num__ = None;
                let mut msg_id__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::FromAccount => {
                            if from_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("From_Account"));
                            }
                            from_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::ToAccount => {
                            if to_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("To_Account"));
                            }
                            to_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::MsgSeq => {
                            if msg_seq__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgSeq"));
                            }
                            msg_seq__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::MsgRandom => {
                            if msg_random__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgRandom"));
                            }
                            msg_random__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::MsgTime => {
                            if msg_time__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgTime"));
                            }
                            msg_time__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::MsgKey => {
                            if msg_key__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgKey"));
                            }
                            msg_key__ = Some(map_.next_value()?);
                        }
                        GeneratedField::OnlineOnlyFlag => {
                            if online_only_flag__.is_some() {
                                return Err(serde::de::Error::duplicate_field("OnlineOnlyFlag"));
                            }
                            online_only_flag__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::MsgBody => {
                            if msg_body__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgBody"));
                            }
                            msg_body__ = Some(map_.next_value()?);
                        }
                        GeneratedField::CloudCustomData => {
                            if cloud_custom_data__.is_some() {
                                return Err(serde::de::Error::duplicate_field("CloudCustomData"));
                            }
                            cloud_custom_data__ = Some(map_.next_value()?);
                        }
                        GeneratedField::SendMsgResult => {
                            if send_msg_result__.is_some() {
                                return Err(serde::de::Error::duplicate_field("SendMsgResult"));
                            }
                            send_msg_result__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::ErrorInfo => {
                            if error_info__.is_some() {
                                return Err(serde::de::Error::duplicate_field("ErrorInfo"));
                            }
                            error_info__ = Some(map_.next_value()?);
                        }
                        GeneratedField::UnreadMsgNum => {
                            if unread_msg_num__.is_some() {
                                return Err(serde::de::Error::duplicate_field("UnreadMsgNum"));
                            }
                            unread_msg_num__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::MsgId => {
                            if msg_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgId"));
                            }
                            msg_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(C2cAfterSendMsg {
                    from_account: from_account__.unwrap_or_default(),
                    to_account: to_account__.unwrap_or_default(),
                    msg_seq: msg_seq__.unwrap_or_default(),
                    msg_random: msg_random__.unwrap_or_default(),
                    msg_time: msg_time__.unwrap_or_default(),
                    msg_key: msg_key__.unwrap_or_default(),
                    online_only_flag: online_only_flag__.unwrap_or_default(),
                    msg_body: msg_body__.unwrap_or_default(),
                    cloud_custom_data: cloud_custom_data__.unwrap_or_default(),
                    send_msg_result: send_msg_result__.unwrap_or_default(),
                    error_info: error_info__.unwrap_or_default(),
                    unread_msg_num: unread_msg_num__.unwrap_or_default(),
                    msg_id: msg_id__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.C2cAfterSendMsg", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for C2cBeforeSendMsg {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.from_account.is_empty() {
            len += 1;
        }
        if !self.to_account.is_empty() {
            len += 1;
        }
        if self.msg_seq != 0 {
            len += 1;
        }
        if self.msg_random != 0 {
            len += 1;
        }
        if self.msg_time != 0 {
            len += 1;
        }
        if !self.msg_key.is_empty() {
            len += 1;
        }
        if self.online_only_flag != 0 {
            len += 1;
        }
        if !self.msg_body.is_empty() {
            len += 1;
        }
        if !self.cloud_custom_data.is_empty() {
            len += 1;
        }
        if !self.msg_id.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.C2cBeforeSendMsg", len)?;
        if !self.from_account.is_empty() {
            struct_ser.serialize_field("From_Account", &self.from_account)?;
        }
        if !self.to_account.is_empty() {
            struct_ser.serialize_field("To_Account", &self.to_account)?;
        }
        if self.msg_seq != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("MsgSeq", ToString::to_string(&self.msg_seq).as_str())?;
        }
        if self.msg_random != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("MsgRandom", ToString::to_string(&self.msg_random).as_str())?;
        }
        if self.msg_time != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("MsgTime", ToString::to_string(&self.msg_time).as_str())?;
        }
        if !self.msg_key.is_empty() {
            struct_ser.serialize_field("MsgKey", &self.msg_key)?;
        }
        if self.online_only_flag != 0 {
            struct_ser.serialize_field("OnlineOnlyFlag", &self.online_only_flag)?;
        }
        if !self.msg_body.is_empty() {
            struct_ser.serialize_field("MsgBody", &self.msg_body)?;
        }
        if !self.cloud_custom_data.is_empty() {
            struct_ser.serialize_field("CloudCustomData", &self.cloud_custom_data)?;
        }
        if !self.msg_id.is_empty() {
            struct_ser.serialize_field("MsgId", &self.msg_id)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for C2cBeforeSendMsg {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "from_account",
            "From_Account",
            "to_account",
            "To_Account",
            "msg_seq",
            "MsgSeq",
            "msg_random",
            "MsgRandom",
            "msg_time",
            "MsgTime",
            "msg_key",
            "MsgKey",
            "online_only_flag",
            "OnlineOnlyFlag",
            "msg_body",
            "MsgBody",
            "cloud_custom_data",
            "CloudCustomData",
            "msg_id",
            "MsgId",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            FromAccount,
            ToAccount,
            MsgSeq,
            MsgRandom,
            MsgTime,
            MsgKey,
            OnlineOnlyFlag,
            MsgBody,
            CloudCustomData,
            MsgId,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "From_Account" | "from_account" => Ok(GeneratedField::FromAccount),
                            "To_Account" | "to_account" => Ok(GeneratedField::ToAccount),
                            "MsgSeq" | "msg_seq" => Ok(GeneratedField::MsgSeq),
                            "MsgRandom" | "msg_random" => Ok(GeneratedField::MsgRandom),
                            "MsgTime" | "msg_time" => Ok(GeneratedField::MsgTime),
                            "MsgKey" | "msg_key" => Ok(GeneratedField::MsgKey),
                            "OnlineOnlyFlag" | "online_only_flag" => Ok(GeneratedField::OnlineOnlyFlag),
                            "MsgBody" | "msg_body" => Ok(GeneratedField::MsgBody),
                            "CloudCustomData" | "cloud_custom_data" => Ok(GeneratedField::CloudCustomData),
                            "MsgId" | "msg_id" => Ok(GeneratedField::MsgId),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = C2cBeforeSendMsg;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.C2cBeforeSendMsg")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<C2cBeforeSendMsg, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut from_account__ = None;
                let mut to_account__ = None;
                let mut msg_seq__ = None;
                let mut msg_random__ = None;
                let mut msg_time__ = None;
                let mut msg_key__ = None;
                let mut online_only_flag__ = None;
                let mut msg_body__ = None;
                let mut cloud_custom_data__ = None;
                let mut msg_id__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::FromAccount => {
                            if from_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("From_Account"));
                            }
                            from_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::ToAccount => {
                            if to_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("To_Account"));
                            }
                            to_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::MsgSeq => {
                            if msg_seq__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgSeq"));
                            }
                            msg_seq__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::MsgRandom => {
                            if msg_random__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgRandom"));
                            }
                            msg_random__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::MsgTime => {
                            if msg_time__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgTime"));
                            }
                            msg_time__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::MsgKey => {
                            if msg_key__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgKey"));
                            }
                            msg_key__ = Some(map_.next_value()?);
                        }
                        GeneratedField::OnlineOnlyFlag => {
                            if online_only_flag__.is_some() {
                                return Err(serde::de::Error::duplicate_field("OnlineOnlyFlag"));
                            }
                            online_only_flag__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::MsgBody => {
                            if msg_body__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgBody"));
                            }
                            msg_body__ = Some(map_.next_value()?);
                        }
                        GeneratedField::CloudCustomData => {
                            if cloud_custom_data__.is_some() {
                                return Err(serde::de::Error::duplicate_field("CloudCustomData"));
                            }
                            cloud_custom_data__ = Some(map_.next_value()?);
                        }
                        GeneratedField::MsgId => {
                            if msg_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgId"));
                            }
                            msg_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(C2cBeforeSendMsg {
                    from_account: from_account__.unwrap_or_default(),
                    to_account: to_account__.unwrap_or_default(),
                    msg_seq: msg_seq__.unwrap_or_default(),
                    msg_random: msg_random__.unwrap_or_default(),
                    msg_time: msg_time__.unwrap_or_default(),
                    msg_key: msg_key__.unwrap_or_default(),
                    online_only_flag: online_only_flag__.unwrap_or_default(),
                    msg_body: msg_body__.unwrap_or_default(),
                    cloud_custom_data: cloud_custom_data__.unwrap_or_default(),
                    msg_id: msg_id__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.C2cBeforeSendMsg", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for CallbackKind {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::Unspecified => "CALLBACK_KIND_UNSPECIFIED",
            Self::Before => "CALLBACK_KIND_BEFORE",
            Self::After => "CALLBACK_KIND_AFTER",
        };
        serializer.serialize_str(variant)
    }
}
impl<'de> serde::Deserialize<'de> for CallbackKind {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "CALLBACK_KIND_UNSPECIFIED",
            "CALLBACK_KIND_BEFORE",
            "CALLBACK_KIND_AFTER",
        ];

        struct GeneratedVisitor;

        impl serde::de::Visitor<'_> for GeneratedVisitor {
            type Value = CallbackKind;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, "expected one of: {:?}", &FIELDS)
            }

            fn visit_i64<E>(self, v: i64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Signed(v), &self)
                    })
            }

            fn visit_u64<E>(self, v: u64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Unsigned(v), &self)
                    })
            }

            fn visit_str<E>(self, value: &str) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                match value {
                    "CALLBACK_KIND_UNSPECIFIED" => Ok(CallbackKind::Unspecified),
                    "CALLBACK_KIND_BEFORE" => Ok(CallbackKind::Before),
                    "CALLBACK_KIND_AFTER" => Ok(CallbackKind::After),
                    _ => Err(serde::de::Error::unknown_variant(value, FIELDS)),
                }
            }
        }
        deserializer.deserialize_any(GeneratedVisitor)
    }
}
impl serde::Serialize for CaughtUp {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.cursor.is_empty() {
            len += 1;
        }
        if self.unmatched_events != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.CaughtUp", len)?;
        if !self.cursor.is_empty() {
            struct_ser.serialize_field("cursor", &self.cursor)?;
        }
        if self.unmatched_events != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("unmatchedEvents", ToString::to_string(&self.unmatched_events).as_str())?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for CaughtUp {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "cursor",
            "unmatched_events",
            "unmatchedEvents",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Cursor,
            UnmatchedEvents,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "cursor" => Ok(GeneratedField::Cursor),
                            "unmatchedEvents" | "unmatched_events" => Ok(GeneratedField::UnmatchedEvents),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = CaughtUp;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.CaughtUp")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<CaughtUp, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut cursor__ = None;
                let mut unmatched_events__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Cursor => {
                            if cursor__.is_some() {
                                return Err(serde::de::Error::duplicate_field("cursor"));
                            }
                            cursor__ = Some(map_.next_value()?);
                        }
                        GeneratedField::UnmatchedEvents => {
                            if unmatched_events__.is_some() {
                                return Err(serde::de::Error::duplicate_field("unmatchedEvents"));
                            }
                            unmatched_events__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(CaughtUp {
                    cursor: cursor__.unwrap_or_default(),
                    unmatched_events: unmatched_events__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.CaughtUp", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for ChatbotC2cSignalMessage {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.from_account.is_empty() {
            len += 1;
        }
        if !self.to_account.is_empty() {
            len += 1;
        }
        if self.msg_seq != 0 {
            len += 1;
        }
        if self.msg_random != 0 {
            len += 1;
        }
        if !self.msg_key.is_empty() {
            len += 1;
        }
        if !self.data.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.ChatbotC2cSignalMessage", len)?;
        if !self.from_account.is_empty() {
            struct_ser.serialize_field("From_Account", &self.from_account)?;
        }
        if !self.to_account.is_empty() {
            struct_ser.serialize_field("To_Account", &self.to_account)?;
        }
        if self.msg_seq != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("MsgSeq", ToString::to_string(&self.msg_seq).as_str())?;
        }
        if self.msg_random != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("MsgRandom", ToString::to_string(&self.msg_random).as_str())?;
        }
        if !self.msg_key.is_empty() {
            struct_ser.serialize_field("MsgKey", &self.msg_key)?;
        }
        if !self.data.is_empty() {
            struct_ser.serialize_field("Data", &self.data)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for ChatbotC2cSignalMessage {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "from_account",
            "From_Account",
            "to_account",
            "To_Account",
            "msg_seq",
            "MsgSeq",
            "msg_random",
            "MsgRandom",
            "msg_key",
            "MsgKey",
            "data",
            "Data",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            FromAccount,
            ToAccount,
            MsgSeq,
            MsgRandom,
            MsgKey,
            Data,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "From_Account" | "from_account" => Ok(GeneratedField::FromAccount),
                            "To_Account" | "to_account" => Ok(GeneratedField::ToAccount),
                            "MsgSeq" | "msg_seq" => Ok(GeneratedField::MsgSeq),
                            "MsgRandom" | "msg_random" => Ok(GeneratedField::MsgRandom),
                            "MsgKey" | "msg_key" => Ok(GeneratedField::MsgKey),
                            "Data" | "data" => Ok(GeneratedField::Data),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = ChatbotC2cSignalMessage;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.ChatbotC2cSignalMessage")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<ChatbotC2cSignalMessage, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut from_account__ = None;
                let mut to_account__ = None;
                let mut msg_seq__ = None;
                let mut msg_random__ = None;
                let mut msg_key__ = None;
                let mut data__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::FromAccount => {
                            if from_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("From_Account"));
                            }
                            from_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::ToAccount => {
                            if to_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("To_Account"));
                            }
                            to_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::MsgSeq => {
                            if msg_seq__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgSeq"));
                            }
                            msg_seq__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::MsgRandom => {
                            if msg_random__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgRandom"));
                            }
                            msg_random__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::MsgKey => {
                            if msg_key__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgKey"));
                            }
                            msg_key__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Data => {
                            if data__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Data"));
                            }
                            data__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(ChatbotC2cSignalMessage {
                    from_account: from_account__.unwrap_or_default(),
                    to_account: to_account__.unwrap_or_default(),
                    msg_seq: msg_seq__.unwrap_or_default(),
                    msg_random: msg_random__.unwrap_or_default(),
                    msg_key: msg_key__.unwrap_or_default(),
                    data: data__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.ChatbotC2cSignalMessage", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for ContentResultNotify {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.scene.is_empty() {
            len += 1;
        }
        if !self.from_account.is_empty() {
            len += 1;
        }
        if self.contact_item.is_some() {
            len += 1;
        }
        if !self.content_type.is_empty() {
            len += 1;
        }
        if !self.text_content.is_empty() {
            len += 1;
        }
        if !self.file_url.is_empty() {
            len += 1;
        }
        if !self.msg_id.is_empty() {
            len += 1;
        }
        if self.ctxcb_result != 0 {
            len += 1;
        }
        if !self.ctxcb_request_id.is_empty() {
            len += 1;
        }
        if !self.ctxcb_keywords.is_empty() {
            len += 1;
        }
        if !self.ctxcb_suggestion.is_empty() {
            len += 1;
        }
        if !self.ctxcb_label.is_empty() {
            len += 1;
        }
        if !self.cloud_custom_data.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.ContentResultNotify", len)?;
        if !self.scene.is_empty() {
            struct_ser.serialize_field("Scene", &self.scene)?;
        }
        if !self.from_account.is_empty() {
            struct_ser.serialize_field("From_Account", &self.from_account)?;
        }
        if let Some(v) = self.contact_item.as_ref() {
            struct_ser.serialize_field("ContactItem", v)?;
        }
        if !self.content_type.is_empty() {
            struct_ser.serialize_field("ContentType", &self.content_type)?;
        }
        if !self.text_content.is_empty() {
            struct_ser.serialize_field("TextContent", &self.text_content)?;
        }
        if !self.file_url.is_empty() {
            struct_ser.serialize_field("FileURL", &self.file_url)?;
        }
        if !self.msg_id.is_empty() {
            struct_ser.serialize_field("MsgID", &self.msg_id)?;
        }
        if self.ctxcb_result != 0 {
            struct_ser.serialize_field("CtxcbResult", &self.ctxcb_result)?;
        }
        if !self.ctxcb_request_id.is_empty() {
            struct_ser.serialize_field("CtxcbRequestId", &self.ctxcb_request_id)?;
        }
        if !self.ctxcb_keywords.is_empty() {
            struct_ser.serialize_field("CtxcbKeywords", &self.ctxcb_keywords)?;
        }
        if !self.ctxcb_suggestion.is_empty() {
            struct_ser.serialize_field("CtxcbSuggestion", &self.ctxcb_suggestion)?;
        }
        if !self.ctxcb_label.is_empty() {
            struct_ser.serialize_field("CtxcbLabel", &self.ctxcb_label)?;
        }
        if !self.cloud_custom_data.is_empty() {
            struct_ser.serialize_field("CloudCustomData", &self.cloud_custom_data)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for ContentResultNotify {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "scene",
            "Scene",
            "from_account",
            "From_Account",
            "contact_item",
            "ContactItem",
            "content_type",
            "ContentType",
            "text_content",
            "TextContent",
            "file_url",
            "FileURL",
            "msg_id",
            "MsgID",
            "ctxcb_result",
            "CtxcbResult",
            "ctxcb_request_id",
            "CtxcbRequestId",
            "ctxcb_keywords",
            "CtxcbKeywords",
            "ctxcb_suggestion",
            "CtxcbSuggestion",
            "ctxcb_label",
            "CtxcbLabel",
            "cloud_custom_data",
            "CloudCustomData",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Scene,
            FromAccount,
            ContactItem,
            ContentType,
            TextContent,
            FileUrl,
            MsgId,
            CtxcbResult,
            CtxcbRequestId,
            CtxcbKeywords,
            CtxcbSuggestion,
            CtxcbLabel,
            CloudCustomData,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "Scene" | "scene" => Ok(GeneratedField::Scene),
                            "From_Account" | "from_account" => Ok(GeneratedField::FromAccount),
                            "ContactItem" | "contact_item" => Ok(GeneratedField::ContactItem),
                            "ContentType" | "content_type" => Ok(GeneratedField::ContentType),
                            "TextContent" | "text_content" => Ok(GeneratedField::TextContent),
                            "FileURL" | "file_url" => Ok(GeneratedField::FileUrl),
                            "MsgID" | "msg_id" => Ok(GeneratedField::MsgId),
                            "CtxcbResult" | "ctxcb_result" => Ok(GeneratedField::CtxcbResult),
                            "CtxcbRequestId" | "ctxcb_request_id" => Ok(GeneratedField::CtxcbRequestId),
                            "CtxcbKeywords" | "ctxcb_keywords" => Ok(GeneratedField::CtxcbKeywords),
                            "CtxcbSuggestion" | "ctxcb_suggestion" => Ok(GeneratedField::CtxcbSuggestion),
                            "CtxcbLabel" | "ctxcb_label" => Ok(GeneratedField::CtxcbLabel),
                            "CloudCustomData" | "cloud_custom_data" => Ok(GeneratedField::CloudCustomData),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = ContentResultNotify;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.ContentResultNotify")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<ContentResultNotify, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut scene__ = None;
                let mut from_account__ = None;
                let mut contact_item__ = None;
                let mut content_type__ = None;
                let mut text_content__ = None;
                let mut file_url__ = None;
                let mut msg_id__ = None;
                let mut ctxcb_result__ = None;
                let mut ctxcb_request_id__ = None;
                let mut ctxcb_keywords__ = None;
                let mut ctxcb_suggestion__ = None;
                let mut ctxcb_label__ = None;
                let mut cloud_custom_data__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Scene => {
                            if scene__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Scene"));
                            }
                            scene__ = Some(map_.next_value()?);
                        }
                        GeneratedField::FromAccount => {
                            if from_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("From_Account"));
                            }
                            from_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::ContactItem => {
                            if contact_item__.is_some() {
                                return Err(serde::de::Error::duplicate_field("ContactItem"));
                            }
                            contact_item__ = map_.next_value()?;
                        }
                        GeneratedField::ContentType => {
                            if content_type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("ContentType"));
                            }
                            content_type__ = Some(map_.next_value()?);
                        }
                        GeneratedField::TextContent => {
                            if text_content__.is_some() {
                                return Err(serde::de::Error::duplicate_field("TextContent"));
                            }
                            text_content__ = Some(map_.next_value()?);
                        }
                        GeneratedField::FileUrl => {
                            if file_url__.is_some() {
                                return Err(serde::de::Error::duplicate_field("FileURL"));
                            }
                            file_url__ = Some(map_.next_value()?);
                        }
                        GeneratedField::MsgId => {
                            if msg_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgID"));
                            }
                            msg_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::CtxcbResult => {
                            if ctxcb_result__.is_some() {
                                return Err(serde::de::Error::duplicate_field("CtxcbResult"));
                            }
                            ctxcb_result__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::CtxcbRequestId => {
                            if ctxcb_request_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("CtxcbRequestId"));
                            }
                            ctxcb_request_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::CtxcbKeywords => {
                            if ctxcb_keywords__.is_some() {
                                return Err(serde::de::Error::duplicate_field("CtxcbKeywords"));
                            }
                            ctxcb_keywords__ = Some(map_.next_value()?);
                        }
                        GeneratedField::CtxcbSuggestion => {
                            if ctxcb_suggestion__.is_some() {
                                return Err(serde::de::Error::duplicate_field("CtxcbSuggestion"));
                            }
                            ctxcb_suggestion__ = Some(map_.next_value()?);
                        }
                        GeneratedField::CtxcbLabel => {
                            if ctxcb_label__.is_some() {
                                return Err(serde::de::Error::duplicate_field("CtxcbLabel"));
                            }
                            ctxcb_label__ = Some(map_.next_value()?);
                        }
                        GeneratedField::CloudCustomData => {
                            if cloud_custom_data__.is_some() {
                                return Err(serde::de::Error::duplicate_field("CloudCustomData"));
                            }
                            cloud_custom_data__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(ContentResultNotify {
                    scene: scene__.unwrap_or_default(),
                    from_account: from_account__.unwrap_or_default(),
                    contact_item: contact_item__,
                    content_type: content_type__.unwrap_or_default(),
                    text_content: text_content__.unwrap_or_default(),
                    file_url: file_url__.unwrap_or_default(),
                    msg_id: msg_id__.unwrap_or_default(),
                    ctxcb_result: ctxcb_result__.unwrap_or_default(),
                    ctxcb_request_id: ctxcb_request_id__.unwrap_or_default(),
                    ctxcb_keywords: ctxcb_keywords__.unwrap_or_default(),
                    ctxcb_suggestion: ctxcb_suggestion__.unwrap_or_default(),
                    ctxcb_label: ctxcb_label__.unwrap_or_default(),
                    cloud_custom_data: cloud_custom_data__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.ContentResultNotify", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for DecodeStatus {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::Unspecified => "DECODE_STATUS_UNSPECIFIED",
            Self::Typed => "DECODE_STATUS_TYPED",
            Self::UnknownCommand => "DECODE_STATUS_UNKNOWN_COMMAND",
            Self::Mismatch => "DECODE_STATUS_MISMATCH",
            Self::TooLarge => "DECODE_STATUS_TOO_LARGE",
            Self::Partial => "DECODE_STATUS_PARTIAL",
            Self::Repaired => "DECODE_STATUS_REPAIRED",
            Self::NotUtf8 => "DECODE_STATUS_NOT_UTF8",
            Self::NotJson => "DECODE_STATUS_NOT_JSON",
            Self::TooDeep => "DECODE_STATUS_TOO_DEEP",
            Self::Empty => "DECODE_STATUS_EMPTY",
            Self::NotAnObject => "DECODE_STATUS_NOT_AN_OBJECT",
            Self::CommandRepeated => "DECODE_STATUS_COMMAND_REPEATED",
            Self::CommandNotString => "DECODE_STATUS_COMMAND_NOT_STRING",
            Self::CommandDisagrees => "DECODE_STATUS_COMMAND_DISAGREES",
        };
        serializer.serialize_str(variant)
    }
}
impl<'de> serde::Deserialize<'de> for DecodeStatus {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "DECODE_STATUS_UNSPECIFIED",
            "DECODE_STATUS_TYPED",
            "DECODE_STATUS_UNKNOWN_COMMAND",
            "DECODE_STATUS_MISMATCH",
            "DECODE_STATUS_TOO_LARGE",
            "DECODE_STATUS_PARTIAL",
            "DECODE_STATUS_REPAIRED",
            "DECODE_STATUS_NOT_UTF8",
            "DECODE_STATUS_NOT_JSON",
            "DECODE_STATUS_TOO_DEEP",
            "DECODE_STATUS_EMPTY",
            "DECODE_STATUS_NOT_AN_OBJECT",
            "DECODE_STATUS_COMMAND_REPEATED",
            "DECODE_STATUS_COMMAND_NOT_STRING",
            "DECODE_STATUS_COMMAND_DISAGREES",
        ];

        struct GeneratedVisitor;

        impl serde::de::Visitor<'_> for GeneratedVisitor {
            type Value = DecodeStatus;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, "expected one of: {:?}", &FIELDS)
            }

            fn visit_i64<E>(self, v: i64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Signed(v), &self)
                    })
            }

            fn visit_u64<E>(self, v: u64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Unsigned(v), &self)
                    })
            }

            fn visit_str<E>(self, value: &str) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                match value {
                    "DECODE_STATUS_UNSPECIFIED" => Ok(DecodeStatus::Unspecified),
                    "DECODE_STATUS_TYPED" => Ok(DecodeStatus::Typed),
                    "DECODE_STATUS_UNKNOWN_COMMAND" => Ok(DecodeStatus::UnknownCommand),
                    "DECODE_STATUS_MISMATCH" => Ok(DecodeStatus::Mismatch),
                    "DECODE_STATUS_TOO_LARGE" => Ok(DecodeStatus::TooLarge),
                    "DECODE_STATUS_PARTIAL" => Ok(DecodeStatus::Partial),
                    "DECODE_STATUS_REPAIRED" => Ok(DecodeStatus::Repaired),
                    "DECODE_STATUS_NOT_UTF8" => Ok(DecodeStatus::NotUtf8),
                    "DECODE_STATUS_NOT_JSON" => Ok(DecodeStatus::NotJson),
                    "DECODE_STATUS_TOO_DEEP" => Ok(DecodeStatus::TooDeep),
                    "DECODE_STATUS_EMPTY" => Ok(DecodeStatus::Empty),
                    "DECODE_STATUS_NOT_AN_OBJECT" => Ok(DecodeStatus::NotAnObject),
                    "DECODE_STATUS_COMMAND_REPEATED" => Ok(DecodeStatus::CommandRepeated),
                    "DECODE_STATUS_COMMAND_NOT_STRING" => Ok(DecodeStatus::CommandNotString),
                    "DECODE_STATUS_COMMAND_DISAGREES" => Ok(DecodeStatus::CommandDisagrees),
                    _ => Err(serde::de::Error::unknown_variant(value, FIELDS)),
                }
            }
        }
        deserializer.deserialize_any(GeneratedVisitor)
    }
}
impl serde::Serialize for ErrorReason {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::Unspecified => "ERROR_REASON_UNSPECIFIED",
            Self::InvalidField => "ERROR_REASON_INVALID_FIELD",
            Self::InvalidCursor => "ERROR_REASON_INVALID_CURSOR",
            Self::InvalidPageToken => "ERROR_REASON_INVALID_PAGE_TOKEN",
            Self::CursorExpired => "ERROR_REASON_CURSOR_EXPIRED",
            Self::LogReplaced => "ERROR_REASON_LOG_REPLACED",
            Self::LogRewound => "ERROR_REASON_LOG_REWOUND",
            Self::ShuttingDown => "ERROR_REASON_SHUTTING_DOWN",
            Self::LogUnavailable => "ERROR_REASON_LOG_UNAVAILABLE",
            Self::LogDamaged => "ERROR_REASON_LOG_DAMAGED",
            Self::StreamAgeReached => "ERROR_REASON_STREAM_AGE_REACHED",
            Self::TooManyStreams => "ERROR_REASON_TOO_MANY_STREAMS",
            Self::ReceiverStalled => "ERROR_REASON_RECEIVER_STALLED",
            Self::EventNotFound => "ERROR_REASON_EVENT_NOT_FOUND",
            Self::TokenInvalid => "ERROR_REASON_TOKEN_INVALID",
            Self::AccessDenied => "ERROR_REASON_ACCESS_DENIED",
            Self::EventsMissing => "ERROR_REASON_EVENTS_MISSING",
            Self::MethodUnknown => "ERROR_REASON_METHOD_UNKNOWN",
            Self::NotGrpc => "ERROR_REASON_NOT_GRPC",
            Self::CompressionUnsupported => "ERROR_REASON_COMPRESSION_UNSUPPORTED",
            Self::RequestMalformed => "ERROR_REASON_REQUEST_MALFORMED",
            Self::RequestTooLarge => "ERROR_REASON_REQUEST_TOO_LARGE",
            Self::MetadataTooLarge => "ERROR_REASON_METADATA_TOO_LARGE",
            Self::RequestTimeout => "ERROR_REASON_REQUEST_TIMEOUT",
            Self::DeadlineReached => "ERROR_REASON_DEADLINE_REACHED",
            Self::TooManyCalls => "ERROR_REASON_TOO_MANY_CALLS",
            Self::TooManyRequestBytes => "ERROR_REASON_TOO_MANY_REQUEST_BYTES",
            Self::TooManyUnreadAnswers => "ERROR_REASON_TOO_MANY_UNREAD_ANSWERS",
            Self::TooManyWatches => "ERROR_REASON_TOO_MANY_WATCHES",
            Self::ServiceUnknown => "ERROR_REASON_SERVICE_UNKNOWN",
        };
        serializer.serialize_str(variant)
    }
}
impl<'de> serde::Deserialize<'de> for ErrorReason {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "ERROR_REASON_UNSPECIFIED",
            "ERROR_REASON_INVALID_FIELD",
            "ERROR_REASON_INVALID_CURSOR",
            "ERROR_REASON_INVALID_PAGE_TOKEN",
            "ERROR_REASON_CURSOR_EXPIRED",
            "ERROR_REASON_LOG_REPLACED",
            "ERROR_REASON_LOG_REWOUND",
            "ERROR_REASON_SHUTTING_DOWN",
            "ERROR_REASON_LOG_UNAVAILABLE",
            "ERROR_REASON_LOG_DAMAGED",
            "ERROR_REASON_STREAM_AGE_REACHED",
            "ERROR_REASON_TOO_MANY_STREAMS",
            "ERROR_REASON_RECEIVER_STALLED",
            "ERROR_REASON_EVENT_NOT_FOUND",
            "ERROR_REASON_TOKEN_INVALID",
            "ERROR_REASON_ACCESS_DENIED",
            "ERROR_REASON_EVENTS_MISSING",
            "ERROR_REASON_METHOD_UNKNOWN",
            "ERROR_REASON_NOT_GRPC",
            "ERROR_REASON_COMPRESSION_UNSUPPORTED",
            "ERROR_REASON_REQUEST_MALFORMED",
            "ERROR_REASON_REQUEST_TOO_LARGE",
            "ERROR_REASON_METADATA_TOO_LARGE",
            "ERROR_REASON_REQUEST_TIMEOUT",
            "ERROR_REASON_DEADLINE_REACHED",
            "ERROR_REASON_TOO_MANY_CALLS",
            "ERROR_REASON_TOO_MANY_REQUEST_BYTES",
            "ERROR_REASON_TOO_MANY_UNREAD_ANSWERS",
            "ERROR_REASON_TOO_MANY_WATCHES",
            "ERROR_REASON_SERVICE_UNKNOWN",
        ];

        struct GeneratedVisitor;

        impl serde::de::Visitor<'_> for GeneratedVisitor {
            type Value = ErrorReason;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, "expected one of: {:?}", &FIELDS)
            }

            fn visit_i64<E>(self, v: i64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Signed(v), &self)
                    })
            }

            fn visit_u64<E>(self, v: u64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Unsigned(v), &self)
                    })
            }

            fn visit_str<E>(self, value: &str) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                match value {
                    "ERROR_REASON_UNSPECIFIED" => Ok(ErrorReason::Unspecified),
                    "ERROR_REASON_INVALID_FIELD" => Ok(ErrorReason::InvalidField),
                    "ERROR_REASON_INVALID_CURSOR" => Ok(ErrorReason::InvalidCursor),
                    "ERROR_REASON_INVALID_PAGE_TOKEN" => Ok(ErrorReason::InvalidPageToken),
                    "ERROR_REASON_CURSOR_EXPIRED" => Ok(ErrorReason::CursorExpired),
                    "ERROR_REASON_LOG_REPLACED" => Ok(ErrorReason::LogReplaced),
                    "ERROR_REASON_LOG_REWOUND" => Ok(ErrorReason::LogRewound),
                    "ERROR_REASON_SHUTTING_DOWN" => Ok(ErrorReason::ShuttingDown),
                    "ERROR_REASON_LOG_UNAVAILABLE" => Ok(ErrorReason::LogUnavailable),
                    "ERROR_REASON_LOG_DAMAGED" => Ok(ErrorReason::LogDamaged),
                    "ERROR_REASON_STREAM_AGE_REACHED" => Ok(ErrorReason::StreamAgeReached),
                    "ERROR_REASON_TOO_MANY_STREAMS" => Ok(ErrorReason::TooManyStreams),
                    "ERROR_REASON_RECEIVER_STALLED" => Ok(ErrorReason::ReceiverStalled),
                    "ERROR_REASON_EVENT_NOT_FOUND" => Ok(ErrorReason::EventNotFound),
                    "ERROR_REASON_TOKEN_INVALID" => Ok(ErrorReason::TokenInvalid),
                    "ERROR_REASON_ACCESS_DENIED" => Ok(ErrorReason::AccessDenied),
                    "ERROR_REASON_EVENTS_MISSING" => Ok(ErrorReason::EventsMissing),
                    "ERROR_REASON_METHOD_UNKNOWN" => Ok(ErrorReason::MethodUnknown),
                    "ERROR_REASON_NOT_GRPC" => Ok(ErrorReason::NotGrpc),
                    "ERROR_REASON_COMPRESSION_UNSUPPORTED" => Ok(ErrorReason::CompressionUnsupported),
                    "ERROR_REASON_REQUEST_MALFORMED" => Ok(ErrorReason::RequestMalformed),
                    "ERROR_REASON_REQUEST_TOO_LARGE" => Ok(ErrorReason::RequestTooLarge),
                    "ERROR_REASON_METADATA_TOO_LARGE" => Ok(ErrorReason::MetadataTooLarge),
                    "ERROR_REASON_REQUEST_TIMEOUT" => Ok(ErrorReason::RequestTimeout),
                    "ERROR_REASON_DEADLINE_REACHED" => Ok(ErrorReason::DeadlineReached),
                    "ERROR_REASON_TOO_MANY_CALLS" => Ok(ErrorReason::TooManyCalls),
                    "ERROR_REASON_TOO_MANY_REQUEST_BYTES" => Ok(ErrorReason::TooManyRequestBytes),
                    "ERROR_REASON_TOO_MANY_UNREAD_ANSWERS" => Ok(ErrorReason::TooManyUnreadAnswers),
                    "ERROR_REASON_TOO_MANY_WATCHES" => Ok(ErrorReason::TooManyWatches),
                    "ERROR_REASON_SERVICE_UNKNOWN" => Ok(ErrorReason::ServiceUnknown),
                    _ => Err(serde::de::Error::unknown_variant(value, FIELDS)),
                }
            }
        }
        deserializer.deserialize_any(GeneratedVisitor)
    }
}
impl serde::Serialize for Event {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.sequence != 0 {
            len += 1;
        }
        if !self.cursor.is_empty() {
            len += 1;
        }
        if self.receive_time.is_some() {
            len += 1;
        }
        if self.sdk_app_id != 0 {
            len += 1;
        }
        if !self.command.is_empty() {
            len += 1;
        }
        if !self.client_ip.is_empty() {
            len += 1;
        }
        if !self.opt_platform.is_empty() {
            len += 1;
        }
        if self.event_time.is_some() {
            len += 1;
        }
        if self.decode_status != 0 {
            len += 1;
        }
        if !self.raw_body.is_empty() {
            len += 1;
        }
        if self.kind != 0 {
            len += 1;
        }
        if self.request_time.is_some() {
            len += 1;
        }
        if self.possible_duplicate_of != 0 {
            len += 1;
        }
        if !self.traceparent.is_empty() {
            len += 1;
        }
        if !self.binary_body.is_empty() {
            len += 1;
        }
        if !self.undecoded_paths.is_empty() {
            len += 1;
        }
        if self.payload.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.Event", len)?;
        if self.sequence != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("sequence", ToString::to_string(&self.sequence).as_str())?;
        }
        if !self.cursor.is_empty() {
            struct_ser.serialize_field("cursor", &self.cursor)?;
        }
        if let Some(v) = self.receive_time.as_ref() {
            struct_ser.serialize_field("receiveTime", v)?;
        }
        if self.sdk_app_id != 0 {
            struct_ser.serialize_field("sdkAppId", &self.sdk_app_id)?;
        }
        if !self.command.is_empty() {
            struct_ser.serialize_field("command", &self.command)?;
        }
        if !self.client_ip.is_empty() {
            struct_ser.serialize_field("clientIp", &self.client_ip)?;
        }
        if !self.opt_platform.is_empty() {
            struct_ser.serialize_field("optPlatform", &self.opt_platform)?;
        }
        if let Some(v) = self.event_time.as_ref() {
            struct_ser.serialize_field("eventTime", v)?;
        }
        if self.decode_status != 0 {
            let v = DecodeStatus::try_from(self.decode_status)
                .map_err(|_| serde::ser::Error::custom(format!("Invalid variant {}", self.decode_status)))?;
            struct_ser.serialize_field("decodeStatus", &v)?;
        }
        if !self.raw_body.is_empty() {
            struct_ser.serialize_field("rawBody", &self.raw_body)?;
        }
        if self.kind != 0 {
            let v = CallbackKind::try_from(self.kind)
                .map_err(|_| serde::ser::Error::custom(format!("Invalid variant {}", self.kind)))?;
            struct_ser.serialize_field("kind", &v)?;
        }
        if let Some(v) = self.request_time.as_ref() {
            struct_ser.serialize_field("requestTime", v)?;
        }
        if self.possible_duplicate_of != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("possibleDuplicateOf", ToString::to_string(&self.possible_duplicate_of).as_str())?;
        }
        if !self.traceparent.is_empty() {
            struct_ser.serialize_field("traceparent", &self.traceparent)?;
        }
        if !self.binary_body.is_empty() {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("binaryBody", pbjson::private::base64::encode(&self.binary_body).as_str())?;
        }
        if !self.undecoded_paths.is_empty() {
            struct_ser.serialize_field("undecodedPaths", &self.undecoded_paths)?;
        }
        if let Some(v) = self.payload.as_ref() {
            match v {
                event::Payload::SnsFriendAdd(v) => {
                    struct_ser.serialize_field("snsFriendAdd", v)?;
                }
                event::Payload::SnsBlackListAdd(v) => {
                    struct_ser.serialize_field("snsBlackListAdd", v)?;
                }
                event::Payload::SnsPrevFriendAdd(v) => {
                    struct_ser.serialize_field("snsPrevFriendAdd", v)?;
                }
                event::Payload::SnsPrevFriendResponse(v) => {
                    struct_ser.serialize_field("snsPrevFriendResponse", v)?;
                }
                event::Payload::SnsFriendDelete(v) => {
                    struct_ser.serialize_field("snsFriendDelete", v)?;
                }
                event::Payload::SnsBlackListDelete(v) => {
                    struct_ser.serialize_field("snsBlackListDelete", v)?;
                }
                event::Payload::StateChange(v) => {
                    struct_ser.serialize_field("stateChange", v)?;
                }
                event::Payload::ProfilePortraitSet(v) => {
                    struct_ser.serialize_field("profilePortraitSet", v)?;
                }
                event::Payload::FollowAdd(v) => {
                    struct_ser.serialize_field("followAdd", v)?;
                }
                event::Payload::FollowDelete(v) => {
                    struct_ser.serialize_field("followDelete", v)?;
                }
                event::Payload::C2cBeforeSendMsg(v) => {
                    struct_ser.serialize_field("c2cBeforeSendMsg", v)?;
                }
                event::Payload::C2cAfterSendMsg(v) => {
                    struct_ser.serialize_field("c2cAfterSendMsg", v)?;
                }
                event::Payload::C2cAfterMsgReport(v) => {
                    struct_ser.serialize_field("c2cAfterMsgReport", v)?;
                }
                event::Payload::C2cAfterMsgWithDraw(v) => {
                    struct_ser.serialize_field("c2cAfterMsgWithDraw", v)?;
                }
                event::Payload::C2cAfterModifyMsg(v) => {
                    struct_ser.serialize_field("c2cAfterModifyMsg", v)?;
                }
                event::Payload::C2cAfterMsgExtension(v) => {
                    struct_ser.serialize_field("c2cAfterMsgExtension", v)?;
                }
                event::Payload::BotC2cMessage(v) => {
                    struct_ser.serialize_field("botC2cMessage", v)?;
                }
                event::Payload::BotGroupMessage(v) => {
                    struct_ser.serialize_field("botGroupMessage", v)?;
                }
                event::Payload::ChatbotC2cSignalMessage(v) => {
                    struct_ser.serialize_field("chatbotC2cSignalMessage", v)?;
                }
                event::Payload::GroupBeforeCreate(v) => {
                    struct_ser.serialize_field("groupBeforeCreate", v)?;
                }
                event::Payload::GroupAfterCreate(v) => {
                    struct_ser.serialize_field("groupAfterCreate", v)?;
                }
                event::Payload::GroupBeforeApplyJoin(v) => {
                    struct_ser.serialize_field("groupBeforeApplyJoin", v)?;
                }
                event::Payload::GroupBeforeInviteJoin(v) => {
                    struct_ser.serialize_field("groupBeforeInviteJoin", v)?;
                }
                event::Payload::GroupAfterNewMemberJoin(v) => {
                    struct_ser.serialize_field("groupAfterNewMemberJoin", v)?;
                }
                event::Payload::GroupAfterMemberExit(v) => {
                    struct_ser.serialize_field("groupAfterMemberExit", v)?;
                }
                event::Payload::GroupBeforeSendMsg(v) => {
                    struct_ser.serialize_field("groupBeforeSendMsg", v)?;
                }
                event::Payload::GroupAfterSendMsg(v) => {
                    struct_ser.serialize_field("groupAfterSendMsg", v)?;
                }
                event::Payload::GroupSendMsgException(v) => {
                    struct_ser.serialize_field("groupSendMsgException", v)?;
                }
                event::Payload::GroupAfterRecallMsg(v) => {
                    struct_ser.serialize_field("groupAfterRecallMsg", v)?;
                }
                event::Payload::GroupAfterReadReceipt(v) => {
                    struct_ser.serialize_field("groupAfterReadReceipt", v)?;
                }
                event::Payload::GroupFull(v) => {
                    struct_ser.serialize_field("groupFull", v)?;
                }
                event::Payload::GroupDestroyed(v) => {
                    struct_ser.serialize_field("groupDestroyed", v)?;
                }
                event::Payload::GroupInfoChanged(v) => {
                    struct_ser.serialize_field("groupInfoChanged", v)?;
                }
                event::Payload::GroupMemberFieldChanged(v) => {
                    struct_ser.serialize_field("groupMemberFieldChanged", v)?;
                }
                event::Payload::GroupAttrChanged(v) => {
                    struct_ser.serialize_field("groupAttrChanged", v)?;
                }
                event::Payload::GroupChangeOwner(v) => {
                    struct_ser.serialize_field("groupChangeOwner", v)?;
                }
                event::Payload::GroupMemberStateChange(v) => {
                    struct_ser.serialize_field("groupMemberStateChange", v)?;
                }
                event::Payload::GroupDailyQuotaAlarm(v) => {
                    struct_ser.serialize_field("groupDailyQuotaAlarm", v)?;
                }
                event::Payload::GroupAfterMsgExtension(v) => {
                    struct_ser.serialize_field("groupAfterMsgExtension", v)?;
                }
                event::Payload::TopicBeforeCreate(v) => {
                    struct_ser.serialize_field("topicBeforeCreate", v)?;
                }
                event::Payload::TopicAfterCreate(v) => {
                    struct_ser.serialize_field("topicAfterCreate", v)?;
                }
                event::Payload::TopicDestroyed(v) => {
                    struct_ser.serialize_field("topicDestroyed", v)?;
                }
                event::Payload::TopicInfoChanged(v) => {
                    struct_ser.serialize_field("topicInfoChanged", v)?;
                }
                event::Payload::OfficialAccountBeforeCreate(v) => {
                    struct_ser.serialize_field("officialAccountBeforeCreate", v)?;
                }
                event::Payload::OfficialAccountAfterCreate(v) => {
                    struct_ser.serialize_field("officialAccountAfterCreate", v)?;
                }
                event::Payload::OfficialAccountInfoChanged(v) => {
                    struct_ser.serialize_field("officialAccountInfoChanged", v)?;
                }
                event::Payload::OfficialAccountDestroyed(v) => {
                    struct_ser.serialize_field("officialAccountDestroyed", v)?;
                }
                event::Payload::OfficialAccountFull(v) => {
                    struct_ser.serialize_field("officialAccountFull", v)?;
                }
                event::Payload::OfficialAccountBeforeAddSubscriber(v) => {
                    struct_ser.serialize_field("officialAccountBeforeAddSubscriber", v)?;
                }
                event::Payload::OfficialAccountAfterAddSubscriber(v) => {
                    struct_ser.serialize_field("officialAccountAfterAddSubscriber", v)?;
                }
                event::Payload::OfficialAccountAfterDeleteSubscriber(v) => {
                    struct_ser.serialize_field("officialAccountAfterDeleteSubscriber", v)?;
                }
                event::Payload::OfficialAccountBeforeSendMsg(v) => {
                    struct_ser.serialize_field("officialAccountBeforeSendMsg", v)?;
                }
                event::Payload::OfficialAccountAfterSendMsg(v) => {
                    struct_ser.serialize_field("officialAccountAfterSendMsg", v)?;
                }
                event::Payload::OfficialAccountAfterMsgWithDraw(v) => {
                    struct_ser.serialize_field("officialAccountAfterMsgWithDraw", v)?;
                }
                event::Payload::ContentResultNotify(v) => {
                    struct_ser.serialize_field("contentResultNotify", v)?;
                }
                event::Payload::PushOfflinePush(v) => {
                    struct_ser.serialize_field("pushOfflinePush", v)?;
                }
                event::Payload::PushAllMemberPush(v) => {
                    struct_ser.serialize_field("pushAllMemberPush", v)?;
                }
                event::Payload::AlertRequestOverLimit(v) => {
                    struct_ser.serialize_field("alertRequestOverLimit", v)?;
                }
            }
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for Event {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "sequence",
            "cursor",
            "receive_time",
            "receiveTime",
            "sdk_app_id",
            "sdkAppId",
            "command",
            "client_ip",
            "clientIp",
            "opt_platform",
            "optPlatform",
            "event_time",
            "eventTime",
            "decode_status",
            "decodeStatus",
            "raw_body",
            "rawBody",
            "kind",
            "request_time",
            "requestTime",
            "possible_duplicate_of",
            "possibleDuplicateOf",
            "traceparent",
            "binary_body",
            "binaryBody",
            "undecoded_paths",
            "undecodedPaths",
            "sns_friend_add",
            "snsFriendAdd",
            "sns_black_list_add",
            "snsBlackListAdd",
            "sns_prev_friend_add",
            "snsPrevFriendAdd",
            "sns_prev_friend_response",
            "snsPrevFriendResponse",
            "sns_friend_delete",
            "snsFriendDelete",
            "sns_black_list_delete",
            "snsBlackListDelete",
            "state_change",
            "stateChange",
            "profile_portrait_set",
            "profilePortraitSet",
            "follow_add",
            "followAdd",
            "follow_delete",
            "followDelete",
            "c2c_before_send_msg",
            "c2cBeforeSendMsg",
            "c2c_after_send_msg",
            "c2cAfterSendMsg",
            "c2c_after_msg_report",
            "c2cAfterMsgReport",
            "c2c_after_msg_with_draw",
            "c2cAfterMsgWithDraw",
            "c2c_after_modify_msg",
            "c2cAfterModifyMsg",
            "c2c_after_msg_extension",
            "c2cAfterMsgExtension",
            "bot_c2c_message",
            "botC2cMessage",
            "bot_group_message",
            "botGroupMessage",
            "chatbot_c2c_signal_message",
            "chatbotC2cSignalMessage",
            "group_before_create",
            "groupBeforeCreate",
            "group_after_create",
            "groupAfterCreate",
            "group_before_apply_join",
            "groupBeforeApplyJoin",
            "group_before_invite_join",
            "groupBeforeInviteJoin",
            "group_after_new_member_join",
            "groupAfterNewMemberJoin",
            "group_after_member_exit",
            "groupAfterMemberExit",
            "group_before_send_msg",
            "groupBeforeSendMsg",
            "group_after_send_msg",
            "groupAfterSendMsg",
            "group_send_msg_exception",
            "groupSendMsgException",
            "group_after_recall_msg",
            "groupAfterRecallMsg",
            "group_after_read_receipt",
            "groupAfterReadReceipt",
            "group_full",
            "groupFull",
            "group_destroyed",
            "groupDestroyed",
            "group_info_changed",
            "groupInfoChanged",
            "group_member_field_changed",
            "groupMemberFieldChanged",
            "group_attr_changed",
            "groupAttrChanged",
            "group_change_owner",
            "groupChangeOwner",
            "group_member_state_change",
            "groupMemberStateChange",
            "group_daily_quota_alarm",
            "groupDailyQuotaAlarm",
            "group_after_msg_extension",
            "groupAfterMsgExtension",
            "topic_before_create",
            "topicBeforeCreate",
            "topic_after_create",
            "topicAfterCreate",
            "topic_destroyed",
            "topicDestroyed",
            "topic_info_changed",
            "topicInfoChanged",
            "official_account_before_create",
            "officialAccountBeforeCreate",
            "official_account_after_create",
            "officialAccountAfterCreate",
            "official_account_info_changed",
            "officialAccountInfoChanged",
            "official_account_destroyed",
            "officialAccountDestroyed",
            "official_account_full",
            "officialAccountFull",
            "official_account_before_add_subscriber",
            "officialAccountBeforeAddSubscriber",
            "official_account_after_add_subscriber",
            "officialAccountAfterAddSubscriber",
            "official_account_after_delete_subscriber",
            "officialAccountAfterDeleteSubscriber",
            "official_account_before_send_msg",
            "officialAccountBeforeSendMsg",
            "official_account_after_send_msg",
            "officialAccountAfterSendMsg",
            "official_account_after_msg_with_draw",
            "officialAccountAfterMsgWithDraw",
            "content_result_notify",
            "contentResultNotify",
            "push_offline_push",
            "pushOfflinePush",
            "push_all_member_push",
            "pushAllMemberPush",
            "alert_request_over_limit",
            "alertRequestOverLimit",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Sequence,
            Cursor,
            ReceiveTime,
            SdkAppId,
            Command,
            ClientIp,
            OptPlatform,
            EventTime,
            DecodeStatus,
            RawBody,
            Kind,
            RequestTime,
            PossibleDuplicateOf,
            Traceparent,
            BinaryBody,
            UndecodedPaths,
            SnsFriendAdd,
            SnsBlackListAdd,
            SnsPrevFriendAdd,
            SnsPrevFriendResponse,
            SnsFriendDelete,
            SnsBlackListDelete,
            StateChange,
            ProfilePortraitSet,
            FollowAdd,
            FollowDelete,
            C2cBeforeSendMsg,
            C2cAfterSendMsg,
            C2cAfterMsgReport,
            C2cAfterMsgWithDraw,
            C2cAfterModifyMsg,
            C2cAfterMsgExtension,
            BotC2cMessage,
            BotGroupMessage,
            ChatbotC2cSignalMessage,
            GroupBeforeCreate,
            GroupAfterCreate,
            GroupBeforeApplyJoin,
            GroupBeforeInviteJoin,
            GroupAfterNewMemberJoin,
            GroupAfterMemberExit,
            GroupBeforeSendMsg,
            GroupAfterSendMsg,
            GroupSendMsgException,
            GroupAfterRecallMsg,
            GroupAfterReadReceipt,
            GroupFull,
            GroupDestroyed,
            GroupInfoChanged,
            GroupMemberFieldChanged,
            GroupAttrChanged,
            GroupChangeOwner,
            GroupMemberStateChange,
            GroupDailyQuotaAlarm,
            GroupAfterMsgExtension,
            TopicBeforeCreate,
            TopicAfterCreate,
            TopicDestroyed,
            TopicInfoChanged,
            OfficialAccountBeforeCreate,
            OfficialAccountAfterCreate,
            OfficialAccountInfoChanged,
            OfficialAccountDestroyed,
            OfficialAccountFull,
            OfficialAccountBeforeAddSubscriber,
            OfficialAccountAfterAddSubscriber,
            OfficialAccountAfterDeleteSubscriber,
            OfficialAccountBeforeSendMsg,
            OfficialAccountAfterSendMsg,
            OfficialAccountAfterMsgWithDraw,
            ContentResultNotify,
            PushOfflinePush,
            PushAllMemberPush,
            AlertRequestOverLimit,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "sequence" => Ok(GeneratedField::Sequence),
                            "cursor" => Ok(GeneratedField::Cursor),
                            "receiveTime" | "receive_time" => Ok(GeneratedField::ReceiveTime),
                            "sdkAppId" | "sdk_app_id" => Ok(GeneratedField::SdkAppId),
                            "command" => Ok(GeneratedField::Command),
                            "clientIp" | "client_ip" => Ok(GeneratedField::ClientIp),
                            "optPlatform" | "opt_platform" => Ok(GeneratedField::OptPlatform),
                            "eventTime" | "event_time" => Ok(GeneratedField::EventTime),
                            "decodeStatus" | "decode_status" => Ok(GeneratedField::DecodeStatus),
                            "rawBody" | "raw_body" => Ok(GeneratedField::RawBody),
                            "kind" => Ok(GeneratedField::Kind),
                            "requestTime" | "request_time" => Ok(GeneratedField::RequestTime),
                            "possibleDuplicateOf" | "possible_duplicate_of" => Ok(GeneratedField::PossibleDuplicateOf),
                            "traceparent" => Ok(GeneratedField::Traceparent),
                            "binaryBody" | "binary_body" => Ok(GeneratedField::BinaryBody),
                            "undecodedPaths" | "undecoded_paths" => Ok(GeneratedField::UndecodedPaths),
                            "snsFriendAdd" | "sns_friend_add" => Ok(GeneratedField::SnsFriendAdd),
                            "snsBlackListAdd" | "sns_black_list_add" => Ok(GeneratedField::SnsBlackListAdd),
                            "snsPrevFriendAdd" | "sns_prev_friend_add" => Ok(GeneratedField::SnsPrevFriendAdd),
                            "snsPrevFriendResponse" | "sns_prev_friend_response" => Ok(GeneratedField::SnsPrevFriendResponse),
                            "snsFriendDelete" | "sns_friend_delete" => Ok(GeneratedField::SnsFriendDelete),
                            "snsBlackListDelete" | "sns_black_list_delete" => Ok(GeneratedField::SnsBlackListDelete),
                            "stateChange" | "state_change" => Ok(GeneratedField::StateChange),
                            "profilePortraitSet" | "profile_portrait_set" => Ok(GeneratedField::ProfilePortraitSet),
                            "followAdd" | "follow_add" => Ok(GeneratedField::FollowAdd),
                            "followDelete" | "follow_delete" => Ok(GeneratedField::FollowDelete),
                            "c2cBeforeSendMsg" | "c2c_before_send_msg" => Ok(GeneratedField::C2cBeforeSendMsg),
                            "c2cAfterSendMsg" | "c2c_after_send_msg" => Ok(GeneratedField::C2cAfterSendMsg),
                            "c2cAfterMsgReport" | "c2c_after_msg_report" => Ok(GeneratedField::C2cAfterMsgReport),
                            "c2cAfterMsgWithDraw" | "c2c_after_msg_with_draw" => Ok(GeneratedField::C2cAfterMsgWithDraw),
                            "c2cAfterModifyMsg" | "c2c_after_modify_msg" => Ok(GeneratedField::C2cAfterModifyMsg),
                            "c2cAfterMsgExtension" | "c2c_after_msg_extension" => Ok(GeneratedField::C2cAfterMsgExtension),
                            "botC2cMessage" | "bot_c2c_message" => Ok(GeneratedField::BotC2cMessage),
                            "botGroupMessage" | "bot_group_message" => Ok(GeneratedField::BotGroupMessage),
                            "chatbotC2cSignalMessage" | "chatbot_c2c_signal_message" => Ok(GeneratedField::ChatbotC2cSignalMessage),
                            "groupBeforeCreate" | "group_before_create" => Ok(GeneratedField::GroupBeforeCreate),
                            "groupAfterCreate" | "group_after_create" => Ok(GeneratedField::GroupAfterCreate),
                            "groupBeforeApplyJoin" | "group_before_apply_join" => Ok(GeneratedField::GroupBeforeApplyJoin),
                            "groupBeforeInviteJoin" | "group_before_invite_join" => Ok(GeneratedField::GroupBeforeInviteJoin),
                            "groupAfterNewMemberJoin" | "group_after_new_member_join" => Ok(GeneratedField::GroupAfterNewMemberJoin),
                            "groupAfterMemberExit" | "group_after_member_exit" => Ok(GeneratedField::GroupAfterMemberExit),
                            "groupBeforeSendMsg" | "group_before_send_msg" => Ok(GeneratedField::GroupBeforeSendMsg),
                            "groupAfterSendMsg" | "group_after_send_msg" => Ok(GeneratedField::GroupAfterSendMsg),
                            "groupSendMsgException" | "group_send_msg_exception" => Ok(GeneratedField::GroupSendMsgException),
                            "groupAfterRecallMsg" | "group_after_recall_msg" => Ok(GeneratedField::GroupAfterRecallMsg),
                            "groupAfterReadReceipt" | "group_after_read_receipt" => Ok(GeneratedField::GroupAfterReadReceipt),
                            "groupFull" | "group_full" => Ok(GeneratedField::GroupFull),
                            "groupDestroyed" | "group_destroyed" => Ok(GeneratedField::GroupDestroyed),
                            "groupInfoChanged" | "group_info_changed" => Ok(GeneratedField::GroupInfoChanged),
                            "groupMemberFieldChanged" | "group_member_field_changed" => Ok(GeneratedField::GroupMemberFieldChanged),
                            "groupAttrChanged" | "group_attr_changed" => Ok(GeneratedField::GroupAttrChanged),
                            "groupChangeOwner" | "group_change_owner" => Ok(GeneratedField::GroupChangeOwner),
                            "groupMemberStateChange" | "group_member_state_change" => Ok(GeneratedField::GroupMemberStateChange),
                            "groupDailyQuotaAlarm" | "group_daily_quota_alarm" => Ok(GeneratedField::GroupDailyQuotaAlarm),
                            "groupAfterMsgExtension" | "group_after_msg_extension" => Ok(GeneratedField::GroupAfterMsgExtension),
                            "topicBeforeCreate" | "topic_before_create" => Ok(GeneratedField::TopicBeforeCreate),
                            "topicAfterCreate" | "topic_after_create" => Ok(GeneratedField::TopicAfterCreate),
                            "topicDestroyed" | "topic_destroyed" => Ok(GeneratedField::TopicDestroyed),
                            "topicInfoChanged" | "topic_info_changed" => Ok(GeneratedField::TopicInfoChanged),
                            "officialAccountBeforeCreate" | "official_account_before_create" => Ok(GeneratedField::OfficialAccountBeforeCreate),
                            "officialAccountAfterCreate" | "official_account_after_create" => Ok(GeneratedField::OfficialAccountAfterCreate),
                            "officialAccountInfoChanged" | "official_account_info_changed" => Ok(GeneratedField::OfficialAccountInfoChanged),
                            "officialAccountDestroyed" | "official_account_destroyed" => Ok(GeneratedField::OfficialAccountDestroyed),
                            "officialAccountFull" | "official_account_full" => Ok(GeneratedField::OfficialAccountFull),
                            "officialAccountBeforeAddSubscriber" | "official_account_before_add_subscriber" => Ok(GeneratedField::OfficialAccountBeforeAddSubscriber),
                            "officialAccountAfterAddSubscriber" | "official_account_after_add_subscriber" => Ok(GeneratedField::OfficialAccountAfterAddSubscriber),
                            "officialAccountAfterDeleteSubscriber" | "official_account_after_delete_subscriber" => Ok(GeneratedField::OfficialAccountAfterDeleteSubscriber),
                            "officialAccountBeforeSendMsg" | "official_account_before_send_msg" => Ok(GeneratedField::OfficialAccountBeforeSendMsg),
                            "officialAccountAfterSendMsg" | "official_account_after_send_msg" => Ok(GeneratedField::OfficialAccountAfterSendMsg),
                            "officialAccountAfterMsgWithDraw" | "official_account_after_msg_with_draw" => Ok(GeneratedField::OfficialAccountAfterMsgWithDraw),
                            "contentResultNotify" | "content_result_notify" => Ok(GeneratedField::ContentResultNotify),
                            "pushOfflinePush" | "push_offline_push" => Ok(GeneratedField::PushOfflinePush),
                            "pushAllMemberPush" | "push_all_member_push" => Ok(GeneratedField::PushAllMemberPush),
                            "alertRequestOverLimit" | "alert_request_over_limit" => Ok(GeneratedField::AlertRequestOverLimit),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = Event;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.Event")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<Event, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut sequence__ = None;
                let mut cursor__ = None;
                let mut receive_time__ = None;
                let mut sdk_app_id__ = None;
                let mut command__ = None;
                let mut client_ip__ = None;
                let mut opt_platform__ = None;
                let mut event_time__ = None;
                let mut decode_status__ = None;
                let mut raw_body__ = None;
                let mut kind__ = None;
                let mut request_time__ = None;
                let mut possible_duplicate_of__ = None;
                let mut traceparent__ = None;
                let mut binary_body__ = None;
                let mut undecoded_paths__ = None;
                let mut payload__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Sequence => {
                            if sequence__.is_some() {
                                return Err(serde::de::Error::duplicate_field("sequence"));
                            }
                            sequence__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Cursor => {
                            if cursor__.is_some() {
                                return Err(serde::de::Error::duplicate_field("cursor"));
                            }
                            cursor__ = Some(map_.next_value()?);
                        }
                        GeneratedField::ReceiveTime => {
                            if receive_time__.is_some() {
                                return Err(serde::de::Error::duplicate_field("receiveTime"));
                            }
                            receive_time__ = map_.next_value()?;
                        }
                        GeneratedField::SdkAppId => {
                            if sdk_app_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("sdkAppId"));
                            }
                            sdk_app_id__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Command => {
                            if command__.is_some() {
                                return Err(serde::de::Error::duplicate_field("command"));
                            }
                            command__ = Some(map_.next_value()?);
                        }
                        GeneratedField::ClientIp => {
                            if client_ip__.is_some() {
                                return Err(serde::de::Error::duplicate_field("clientIp"));
                            }
                            client_ip__ = Some(map_.next_value()?);
                        }
                        GeneratedField::OptPlatform => {
                            if opt_platform__.is_some() {
                                return Err(serde::de::Error::duplicate_field("optPlatform"));
                            }
                            opt_platform__ = Some(map_.next_value()?);
                        }
                        GeneratedField::EventTime => {
                            if event_time__.is_some() {
                                return Err(serde::de::Error::duplicate_field("eventTime"));
                            }
                            event_time__ = map_.next_value()?;
                        }
                        GeneratedField::DecodeStatus => {
                            if decode_status__.is_some() {
                                return Err(serde::de::Error::duplicate_field("decodeStatus"));
                            }
                            decode_status__ = Some(map_.next_value::<DecodeStatus>()? as i32);
                        }
                        GeneratedField::RawBody => {
                            if raw_body__.is_some() {
                                return Err(serde::de::Error::duplicate_field("rawBody"));
                            }
                            raw_body__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Kind => {
                            if kind__.is_some() {
                                return Err(serde::de::Error::duplicate_field("kind"));
                            }
                            kind__ = Some(map_.next_value::<CallbackKind>()? as i32);
                        }
                        GeneratedField::RequestTime => {
                            if request_time__.is_some() {
                                return Err(serde::de::Error::duplicate_field("requestTime"));
                            }
                            request_time__ = map_.next_value()?;
                        }
                        GeneratedField::PossibleDuplicateOf => {
                            if possible_duplicate_of__.is_some() {
                                return Err(serde::de::Error::duplicate_field("possibleDuplicateOf"));
                            }
                            possible_duplicate_of__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Traceparent => {
                            if traceparent__.is_some() {
                                return Err(serde::de::Error::duplicate_field("traceparent"));
                            }
                            traceparent__ = Some(map_.next_value()?);
                        }
                        GeneratedField::BinaryBody => {
                            if binary_body__.is_some() {
                                return Err(serde::de::Error::duplicate_field("binaryBody"));
                            }
                            binary_body__ = 
                                Some(map_.next_value::<::pbjson::private::BytesDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::UndecodedPaths => {
                            if undecoded_paths__.is_some() {
                                return Err(serde::de::Error::duplicate_field("undecodedPaths"));
                            }
                            undecoded_paths__ = Some(map_.next_value()?);
                        }
                        GeneratedField::SnsFriendAdd => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("snsFriendAdd"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::SnsFriendAdd)
;
                        }
                        GeneratedField::SnsBlackListAdd => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("snsBlackListAdd"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::SnsBlackListAdd)
;
                        }
                        GeneratedField::SnsPrevFriendAdd => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("snsPrevFriendAdd"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::SnsPrevFriendAdd)
;
                        }
                        GeneratedField::SnsPrevFriendResponse => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("snsPrevFriendResponse"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::SnsPrevFriendResponse)
;
                        }
                        GeneratedField::SnsFriendDelete => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("snsFriendDelete"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::SnsFriendDelete)
;
                        }
                        GeneratedField::SnsBlackListDelete => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("snsBlackListDelete"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::SnsBlackListDelete)
;
                        }
                        GeneratedField::StateChange => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("stateChange"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::StateChange)
;
                        }
                        GeneratedField::ProfilePortraitSet => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("profilePortraitSet"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::ProfilePortraitSet)
;
                        }
                        GeneratedField::FollowAdd => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("followAdd"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::FollowAdd)
;
                        }
                        GeneratedField::FollowDelete => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("followDelete"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::FollowDelete)
;
                        }
                        GeneratedField::C2cBeforeSendMsg => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("c2cBeforeSendMsg"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::C2cBeforeSendMsg)
;
                        }
                        GeneratedField::C2cAfterSendMsg => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("c2cAfterSendMsg"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::C2cAfterSendMsg)
;
                        }
                        GeneratedField::C2cAfterMsgReport => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("c2cAfterMsgReport"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::C2cAfterMsgReport)
;
                        }
                        GeneratedField::C2cAfterMsgWithDraw => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("c2cAfterMsgWithDraw"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::C2cAfterMsgWithDraw)
;
                        }
                        GeneratedField::C2cAfterModifyMsg => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("c2cAfterModifyMsg"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::C2cAfterModifyMsg)
;
                        }
                        GeneratedField::C2cAfterMsgExtension => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("c2cAfterMsgExtension"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::C2cAfterMsgExtension)
;
                        }
                        GeneratedField::BotC2cMessage => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("botC2cMessage"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::BotC2cMessage)
;
                        }
                        GeneratedField::BotGroupMessage => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("botGroupMessage"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::BotGroupMessage)
;
                        }
                        GeneratedField::ChatbotC2cSignalMessage => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("chatbotC2cSignalMessage"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::ChatbotC2cSignalMessage)
;
                        }
                        GeneratedField::GroupBeforeCreate => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("groupBeforeCreate"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::GroupBeforeCreate)
;
                        }
                        GeneratedField::GroupAfterCreate => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("groupAfterCreate"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::GroupAfterCreate)
;
                        }
                        GeneratedField::GroupBeforeApplyJoin => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("groupBeforeApplyJoin"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::GroupBeforeApplyJoin)
;
                        }
                        GeneratedField::GroupBeforeInviteJoin => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("groupBeforeInviteJoin"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::GroupBeforeInviteJoin)
;
                        }
                        GeneratedField::GroupAfterNewMemberJoin => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("groupAfterNewMemberJoin"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::GroupAfterNewMemberJoin)
;
                        }
                        GeneratedField::GroupAfterMemberExit => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("groupAfterMemberExit"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::GroupAfterMemberExit)
;
                        }
                        GeneratedField::GroupBeforeSendMsg => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("groupBeforeSendMsg"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::GroupBeforeSendMsg)
;
                        }
                        GeneratedField::GroupAfterSendMsg => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("groupAfterSendMsg"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::GroupAfterSendMsg)
;
                        }
                        GeneratedField::GroupSendMsgException => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("groupSendMsgException"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::GroupSendMsgException)
;
                        }
                        GeneratedField::GroupAfterRecallMsg => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("groupAfterRecallMsg"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::GroupAfterRecallMsg)
;
                        }
                        GeneratedField::GroupAfterReadReceipt => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("groupAfterReadReceipt"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::GroupAfterReadReceipt)
;
                        }
                        GeneratedField::GroupFull => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("groupFull"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::GroupFull)
;
                        }
                        GeneratedField::GroupDestroyed => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("groupDestroyed"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::GroupDestroyed)
;
                        }
                        GeneratedField::GroupInfoChanged => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("groupInfoChanged"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::GroupInfoChanged)
;
                        }
                        GeneratedField::GroupMemberFieldChanged => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("groupMemberFieldChanged"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::GroupMemberFieldChanged)
;
                        }
                        GeneratedField::GroupAttrChanged => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("groupAttrChanged"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::GroupAttrChanged)
;
                        }
                        GeneratedField::GroupChangeOwner => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("groupChangeOwner"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::GroupChangeOwner)
;
                        }
                        GeneratedField::GroupMemberStateChange => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("groupMemberStateChange"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::GroupMemberStateChange)
;
                        }
                        GeneratedField::GroupDailyQuotaAlarm => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("groupDailyQuotaAlarm"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::GroupDailyQuotaAlarm)
;
                        }
                        GeneratedField::GroupAfterMsgExtension => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("groupAfterMsgExtension"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::GroupAfterMsgExtension)
;
                        }
                        GeneratedField::TopicBeforeCreate => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("topicBeforeCreate"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::TopicBeforeCreate)
;
                        }
                        GeneratedField::TopicAfterCreate => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("topicAfterCreate"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::TopicAfterCreate)
;
                        }
                        GeneratedField::TopicDestroyed => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("topicDestroyed"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::TopicDestroyed)
;
                        }
                        GeneratedField::TopicInfoChanged => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("topicInfoChanged"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::TopicInfoChanged)
;
                        }
                        GeneratedField::OfficialAccountBeforeCreate => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("officialAccountBeforeCreate"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::OfficialAccountBeforeCreate)
;
                        }
                        GeneratedField::OfficialAccountAfterCreate => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("officialAccountAfterCreate"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::OfficialAccountAfterCreate)
;
                        }
                        GeneratedField::OfficialAccountInfoChanged => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("officialAccountInfoChanged"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::OfficialAccountInfoChanged)
;
                        }
                        GeneratedField::OfficialAccountDestroyed => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("officialAccountDestroyed"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::OfficialAccountDestroyed)
;
                        }
                        GeneratedField::OfficialAccountFull => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("officialAccountFull"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::OfficialAccountFull)
;
                        }
                        GeneratedField::OfficialAccountBeforeAddSubscriber => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("officialAccountBeforeAddSubscriber"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::OfficialAccountBeforeAddSubscriber)
;
                        }
                        GeneratedField::OfficialAccountAfterAddSubscriber => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("officialAccountAfterAddSubscriber"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::OfficialAccountAfterAddSubscriber)
;
                        }
                        GeneratedField::OfficialAccountAfterDeleteSubscriber => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("officialAccountAfterDeleteSubscriber"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::OfficialAccountAfterDeleteSubscriber)
;
                        }
                        GeneratedField::OfficialAccountBeforeSendMsg => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("officialAccountBeforeSendMsg"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::OfficialAccountBeforeSendMsg)
;
                        }
                        GeneratedField::OfficialAccountAfterSendMsg => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("officialAccountAfterSendMsg"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::OfficialAccountAfterSendMsg)
;
                        }
                        GeneratedField::OfficialAccountAfterMsgWithDraw => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("officialAccountAfterMsgWithDraw"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::OfficialAccountAfterMsgWithDraw)
;
                        }
                        GeneratedField::ContentResultNotify => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("contentResultNotify"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::ContentResultNotify)
;
                        }
                        GeneratedField::PushOfflinePush => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("pushOfflinePush"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::PushOfflinePush)
;
                        }
                        GeneratedField::PushAllMemberPush => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("pushAllMemberPush"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::PushAllMemberPush)
;
                        }
                        GeneratedField::AlertRequestOverLimit => {
                            if payload__.is_some() {
                                return Err(serde::de::Error::duplicate_field("alertRequestOverLimit"));
                            }
                            payload__ = map_.next_value::<::std::option::Option<_>>()?.map(event::Payload::AlertRequestOverLimit)
;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(Event {
                    sequence: sequence__.unwrap_or_default(),
                    cursor: cursor__.unwrap_or_default(),
                    receive_time: receive_time__,
                    sdk_app_id: sdk_app_id__.unwrap_or_default(),
                    command: command__.unwrap_or_default(),
                    client_ip: client_ip__.unwrap_or_default(),
                    opt_platform: opt_platform__.unwrap_or_default(),
                    event_time: event_time__,
                    decode_status: decode_status__.unwrap_or_default(),
                    raw_body: raw_body__.unwrap_or_default(),
                    kind: kind__.unwrap_or_default(),
                    request_time: request_time__,
                    possible_duplicate_of: possible_duplicate_of__.unwrap_or_default(),
                    traceparent: traceparent__.unwrap_or_default(),
                    binary_body: binary_body__.unwrap_or_default(),
                    undecoded_paths: undecoded_paths__.unwrap_or_default(),
                    payload: payload__,
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.Event", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for EventFilter {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.commands.is_empty() {
            len += 1;
        }
        if !self.sdk_app_ids.is_empty() {
            len += 1;
        }
        if !self.accounts.is_empty() {
            len += 1;
        }
        if !self.group_ids.is_empty() {
            len += 1;
        }
        if !self.kinds.is_empty() {
            len += 1;
        }
        if self.lane.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.EventFilter", len)?;
        if !self.commands.is_empty() {
            struct_ser.serialize_field("commands", &self.commands)?;
        }
        if !self.sdk_app_ids.is_empty() {
            struct_ser.serialize_field("sdkAppIds", &self.sdk_app_ids)?;
        }
        if !self.accounts.is_empty() {
            struct_ser.serialize_field("accounts", &self.accounts)?;
        }
        if !self.group_ids.is_empty() {
            struct_ser.serialize_field("groupIds", &self.group_ids)?;
        }
        if !self.kinds.is_empty() {
            let v = self.kinds.iter().cloned().map(|v| {
                CallbackKind::try_from(v)
                    .map_err(|_| serde::ser::Error::custom(format!("Invalid variant {}", v)))
                }).collect::<std::result::Result<Vec<_>, _>>()?;
            struct_ser.serialize_field("kinds", &v)?;
        }
        if let Some(v) = self.lane.as_ref() {
            struct_ser.serialize_field("lane", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for EventFilter {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "commands",
            "sdk_app_ids",
            "sdkAppIds",
            "accounts",
            "group_ids",
            "groupIds",
            "kinds",
            "lane",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Commands,
            SdkAppIds,
            Accounts,
            GroupIds,
            Kinds,
            Lane,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "commands" => Ok(GeneratedField::Commands),
                            "sdkAppIds" | "sdk_app_ids" => Ok(GeneratedField::SdkAppIds),
                            "accounts" => Ok(GeneratedField::Accounts),
                            "groupIds" | "group_ids" => Ok(GeneratedField::GroupIds),
                            "kinds" => Ok(GeneratedField::Kinds),
                            "lane" => Ok(GeneratedField::Lane),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = EventFilter;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.EventFilter")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<EventFilter, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut commands__ = None;
                let mut sdk_app_ids__ = None;
                let mut accounts__ = None;
                let mut group_ids__ = None;
                let mut kinds__ = None;
                let mut lane__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Commands => {
                            if commands__.is_some() {
                                return Err(serde::de::Error::duplicate_field("commands"));
                            }
                            commands__ = Some(map_.next_value()?);
                        }
                        GeneratedField::SdkAppIds => {
                            if sdk_app_ids__.is_some() {
                                return Err(serde::de::Error::duplicate_field("sdkAppIds"));
                            }
                            sdk_app_ids__ = 
                                Some(map_.next_value::<Vec<::pbjson::private::NumberDeserialize<_>>>()?
                                    .into_iter().map(|x| x.0).collect())
                            ;
                        }
                        GeneratedField::Accounts => {
                            if accounts__.is_some() {
                                return Err(serde::de::Error::duplicate_field("accounts"));
                            }
                            accounts__ = Some(map_.next_value()?);
                        }
                        GeneratedField::GroupIds => {
                            if group_ids__.is_some() {
                                return Err(serde::de::Error::duplicate_field("groupIds"));
                            }
                            group_ids__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Kinds => {
                            if kinds__.is_some() {
                                return Err(serde::de::Error::duplicate_field("kinds"));
                            }
                            kinds__ = Some(map_.next_value::<Vec<CallbackKind>>()?.into_iter().map(|x| x as i32).collect());
                        }
                        GeneratedField::Lane => {
                            if lane__.is_some() {
                                return Err(serde::de::Error::duplicate_field("lane"));
                            }
                            lane__ = map_.next_value()?;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(EventFilter {
                    commands: commands__.unwrap_or_default(),
                    sdk_app_ids: sdk_app_ids__.unwrap_or_default(),
                    accounts: accounts__.unwrap_or_default(),
                    group_ids: group_ids__.unwrap_or_default(),
                    kinds: kinds__.unwrap_or_default(),
                    lane: lane__,
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.EventFilter", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for FellBehind {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.cursor.is_empty() {
            len += 1;
        }
        if self.unmatched_events != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.FellBehind", len)?;
        if !self.cursor.is_empty() {
            struct_ser.serialize_field("cursor", &self.cursor)?;
        }
        if self.unmatched_events != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("unmatchedEvents", ToString::to_string(&self.unmatched_events).as_str())?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for FellBehind {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "cursor",
            "unmatched_events",
            "unmatchedEvents",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Cursor,
            UnmatchedEvents,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "cursor" => Ok(GeneratedField::Cursor),
                            "unmatchedEvents" | "unmatched_events" => Ok(GeneratedField::UnmatchedEvents),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = FellBehind;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.FellBehind")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<FellBehind, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut cursor__ = None;
                let mut unmatched_events__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Cursor => {
                            if cursor__.is_some() {
                                return Err(serde::de::Error::duplicate_field("cursor"));
                            }
                            cursor__ = Some(map_.next_value()?);
                        }
                        GeneratedField::UnmatchedEvents => {
                            if unmatched_events__.is_some() {
                                return Err(serde::de::Error::duplicate_field("unmatchedEvents"));
                            }
                            unmatched_events__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(FellBehind {
                    cursor: cursor__.unwrap_or_default(),
                    unmatched_events: unmatched_events__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.FellBehind", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for FollowChange {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.from_account.is_empty() {
            len += 1;
        }
        if !self.to_account.is_empty() {
            len += 1;
        }
        if !self.follow_list.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.FollowChange", len)?;
        if !self.from_account.is_empty() {
            struct_ser.serialize_field("From_Account", &self.from_account)?;
        }
        if !self.to_account.is_empty() {
            struct_ser.serialize_field("To_Account", &self.to_account)?;
        }
        if !self.follow_list.is_empty() {
            struct_ser.serialize_field("FollowList", &self.follow_list)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for FollowChange {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "from_account",
            "From_Account",
            "to_account",
            "To_Account",
            "follow_list",
            "FollowList",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            FromAccount,
            ToAccount,
            FollowList,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "From_Account" | "from_account" => Ok(GeneratedField::FromAccount),
                            "To_Account" | "to_account" => Ok(GeneratedField::ToAccount),
                            "FollowList" | "follow_list" => Ok(GeneratedField::FollowList),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = FollowChange;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.FollowChange")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<FollowChange, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut from_account__ = None;
                let mut to_account__ = None;
                let mut follow_list__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::FromAccount => {
                            if from_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("From_Account"));
                            }
                            from_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::ToAccount => {
                            if to_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("To_Account"));
                            }
                            to_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::FollowList => {
                            if follow_list__.is_some() {
                                return Err(serde::de::Error::duplicate_field("FollowList"));
                            }
                            follow_list__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(FollowChange {
                    from_account: from_account__.unwrap_or_default(),
                    to_account: to_account__.unwrap_or_default(),
                    follow_list: follow_list__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.FollowChange", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for FollowedUser {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.to_account.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.FollowedUser", len)?;
        if !self.to_account.is_empty() {
            struct_ser.serialize_field("To_Account", &self.to_account)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for FollowedUser {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "to_account",
            "To_Account",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            ToAccount,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "To_Account" | "to_account" => Ok(GeneratedField::ToAccount),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = FollowedUser;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.FollowedUser")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<FollowedUser, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut to_account__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::ToAccount => {
                            if to_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("To_Account"));
                            }
                            to_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(FollowedUser {
                    to_account: to_account__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.FollowedUser", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for FriendPair {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.from_account.is_empty() {
            len += 1;
        }
        if !self.to_account.is_empty() {
            len += 1;
        }
        if !self.initiator_account.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.FriendPair", len)?;
        if !self.from_account.is_empty() {
            struct_ser.serialize_field("From_Account", &self.from_account)?;
        }
        if !self.to_account.is_empty() {
            struct_ser.serialize_field("To_Account", &self.to_account)?;
        }
        if !self.initiator_account.is_empty() {
            struct_ser.serialize_field("Initiator_Account", &self.initiator_account)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for FriendPair {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "from_account",
            "From_Account",
            "to_account",
            "To_Account",
            "initiator_account",
            "Initiator_Account",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            FromAccount,
            ToAccount,
            InitiatorAccount,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "From_Account" | "from_account" => Ok(GeneratedField::FromAccount),
                            "To_Account" | "to_account" => Ok(GeneratedField::ToAccount),
                            "Initiator_Account" | "initiator_account" => Ok(GeneratedField::InitiatorAccount),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = FriendPair;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.FriendPair")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<FriendPair, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut from_account__ = None;
                let mut to_account__ = None;
                let mut initiator_account__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::FromAccount => {
                            if from_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("From_Account"));
                            }
                            from_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::ToAccount => {
                            if to_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("To_Account"));
                            }
                            to_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::InitiatorAccount => {
                            if initiator_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Initiator_Account"));
                            }
                            initiator_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(FriendPair {
                    from_account: from_account__.unwrap_or_default(),
                    to_account: to_account__.unwrap_or_default(),
                    initiator_account: initiator_account__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.FriendPair", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for FriendRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.to_account.is_empty() {
            len += 1;
        }
        if !self.remark.is_empty() {
            len += 1;
        }
        if !self.group_name.is_empty() {
            len += 1;
        }
        if !self.add_source.is_empty() {
            len += 1;
        }
        if !self.add_wording.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.FriendRequest", len)?;
        if !self.to_account.is_empty() {
            struct_ser.serialize_field("To_Account", &self.to_account)?;
        }
        if !self.remark.is_empty() {
            struct_ser.serialize_field("Remark", &self.remark)?;
        }
        if !self.group_name.is_empty() {
            struct_ser.serialize_field("GroupName", &self.group_name)?;
        }
        if !self.add_source.is_empty() {
            struct_ser.serialize_field("AddSource", &self.add_source)?;
        }
        if !self.add_wording.is_empty() {
            struct_ser.serialize_field("AddWording", &self.add_wording)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for FriendRequest {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "to_account",
            "To_Account",
            "remark",
            "Remark",
            "group_name",
            "GroupName",
            "add_source",
            "AddSource",
            "add_wording",
            "AddWording",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            ToAccount,
            Remark,
            GroupName,
            AddSource,
            AddWording,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "To_Account" | "to_account" => Ok(GeneratedField::ToAccount),
                            "Remark" | "remark" => Ok(GeneratedField::Remark),
                            "GroupName" | "group_name" => Ok(GeneratedField::GroupName),
                            "AddSource" | "add_source" => Ok(GeneratedField::AddSource),
                            "AddWording" | "add_wording" => Ok(GeneratedField::AddWording),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = FriendRequest;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.FriendRequest")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<FriendRequest, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut to_account__ = None;
                let mut remark__ = None;
                let mut group_name__ = None;
                let mut add_source__ = None;
                let mut add_wording__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::ToAccount => {
                            if to_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("To_Account"));
                            }
                            to_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Remark => {
                            if remark__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Remark"));
                            }
                            remark__ = Some(map_.next_value()?);
                        }
                        GeneratedField::GroupName => {
                            if group_name__.is_some() {
                                return Err(serde::de::Error::duplicate_field("GroupName"));
                            }
                            group_name__ = Some(map_.next_value()?);
                        }
                        GeneratedField::AddSource => {
                            if add_source__.is_some() {
                                return Err(serde::de::Error::duplicate_field("AddSource"));
                            }
                            add_source__ = Some(map_.next_value()?);
                        }
                        GeneratedField::AddWording => {
                            if add_wording__.is_some() {
                                return Err(serde::de::Error::duplicate_field("AddWording"));
                            }
                            add_wording__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(FriendRequest {
                    to_account: to_account__.unwrap_or_default(),
                    remark: remark__.unwrap_or_default(),
                    group_name: group_name__.unwrap_or_default(),
                    add_source: add_source__.unwrap_or_default(),
                    add_wording: add_wording__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.FriendRequest", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for FriendResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.to_account.is_empty() {
            len += 1;
        }
        if !self.remark.is_empty() {
            len += 1;
        }
        if !self.tag_name.is_empty() {
            len += 1;
        }
        if !self.response_action.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.FriendResponse", len)?;
        if !self.to_account.is_empty() {
            struct_ser.serialize_field("To_Account", &self.to_account)?;
        }
        if !self.remark.is_empty() {
            struct_ser.serialize_field("Remark", &self.remark)?;
        }
        if !self.tag_name.is_empty() {
            struct_ser.serialize_field("TagName", &self.tag_name)?;
        }
        if !self.response_action.is_empty() {
            struct_ser.serialize_field("ResponseAction", &self.response_action)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for FriendResponse {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "to_account",
            "To_Account",
            "remark",
            "Remark",
            "tag_name",
            "TagName",
            "response_action",
            "ResponseAction",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            ToAccount,
            Remark,
            TagName,
            ResponseAction,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "To_Account" | "to_account" => Ok(GeneratedField::ToAccount),
                            "Remark" | "remark" => Ok(GeneratedField::Remark),
                            "TagName" | "tag_name" => Ok(GeneratedField::TagName),
                            "ResponseAction" | "response_action" => Ok(GeneratedField::ResponseAction),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = FriendResponse;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.FriendResponse")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<FriendResponse, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut to_account__ = None;
                let mut remark__ = None;
                let mut tag_name__ = None;
                let mut response_action__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::ToAccount => {
                            if to_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("To_Account"));
                            }
                            to_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Remark => {
                            if remark__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Remark"));
                            }
                            remark__ = Some(map_.next_value()?);
                        }
                        GeneratedField::TagName => {
                            if tag_name__.is_some() {
                                return Err(serde::de::Error::duplicate_field("TagName"));
                            }
                            tag_name__ = Some(map_.next_value()?);
                        }
                        GeneratedField::ResponseAction => {
                            if response_action__.is_some() {
                                return Err(serde::de::Error::duplicate_field("ResponseAction"));
                            }
                            response_action__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(FriendResponse {
                    to_account: to_account__.unwrap_or_default(),
                    remark: remark__.unwrap_or_default(),
                    tag_name: tag_name__.unwrap_or_default(),
                    response_action: response_action__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.FriendResponse", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for Gap {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.cursor.is_empty() {
            len += 1;
        }
        if self.first_missing_sequence != 0 {
            len += 1;
        }
        if self.last_missing_sequence != 0 {
            len += 1;
        }
        if self.reason != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.Gap", len)?;
        if !self.cursor.is_empty() {
            struct_ser.serialize_field("cursor", &self.cursor)?;
        }
        if self.first_missing_sequence != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("firstMissingSequence", ToString::to_string(&self.first_missing_sequence).as_str())?;
        }
        if self.last_missing_sequence != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("lastMissingSequence", ToString::to_string(&self.last_missing_sequence).as_str())?;
        }
        if self.reason != 0 {
            let v = GapReason::try_from(self.reason)
                .map_err(|_| serde::ser::Error::custom(format!("Invalid variant {}", self.reason)))?;
            struct_ser.serialize_field("reason", &v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for Gap {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "cursor",
            "first_missing_sequence",
            "firstMissingSequence",
            "last_missing_sequence",
            "lastMissingSequence",
            "reason",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Cursor,
            FirstMissingSequence,
            LastMissingSequence,
            Reason,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "cursor" => Ok(GeneratedField::Cursor),
                            "firstMissingSequence" | "first_missing_sequence" => Ok(GeneratedField::FirstMissingSequence),
                            "lastMissingSequence" | "last_missing_sequence" => Ok(GeneratedField::LastMissingSequence),
                            "reason" => Ok(GeneratedField::Reason),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = Gap;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.Gap")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<Gap, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut cursor__ = None;
                let mut first_missing_sequence__ = None;
                let mut last_missing_sequence__ = None;
                let mut reason__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Cursor => {
                            if cursor__.is_some() {
                                return Err(serde::de::Error::duplicate_field("cursor"));
                            }
                            cursor__ = Some(map_.next_value()?);
                        }
                        GeneratedField::FirstMissingSequence => {
                            if first_missing_sequence__.is_some() {
                                return Err(serde::de::Error::duplicate_field("firstMissingSequence"));
                            }
                            first_missing_sequence__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::LastMissingSequence => {
                            if last_missing_sequence__.is_some() {
                                return Err(serde::de::Error::duplicate_field("lastMissingSequence"));
                            }
                            last_missing_sequence__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Reason => {
                            if reason__.is_some() {
                                return Err(serde::de::Error::duplicate_field("reason"));
                            }
                            reason__ = Some(map_.next_value::<GapReason>()? as i32);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(Gap {
                    cursor: cursor__.unwrap_or_default(),
                    first_missing_sequence: first_missing_sequence__.unwrap_or_default(),
                    last_missing_sequence: last_missing_sequence__.unwrap_or_default(),
                    reason: reason__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.Gap", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GapPolicy {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::Unspecified => "GAP_POLICY_UNSPECIFIED",
            Self::Fail => "GAP_POLICY_FAIL",
            Self::Skip => "GAP_POLICY_SKIP",
        };
        serializer.serialize_str(variant)
    }
}
impl<'de> serde::Deserialize<'de> for GapPolicy {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "GAP_POLICY_UNSPECIFIED",
            "GAP_POLICY_FAIL",
            "GAP_POLICY_SKIP",
        ];

        struct GeneratedVisitor;

        impl serde::de::Visitor<'_> for GeneratedVisitor {
            type Value = GapPolicy;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, "expected one of: {:?}", &FIELDS)
            }

            fn visit_i64<E>(self, v: i64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Signed(v), &self)
                    })
            }

            fn visit_u64<E>(self, v: u64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Unsigned(v), &self)
                    })
            }

            fn visit_str<E>(self, value: &str) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                match value {
                    "GAP_POLICY_UNSPECIFIED" => Ok(GapPolicy::Unspecified),
                    "GAP_POLICY_FAIL" => Ok(GapPolicy::Fail),
                    "GAP_POLICY_SKIP" => Ok(GapPolicy::Skip),
                    _ => Err(serde::de::Error::unknown_variant(value, FIELDS)),
                }
            }
        }
        deserializer.deserialize_any(GeneratedVisitor)
    }
}
impl serde::Serialize for GapReason {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::Unspecified => "GAP_REASON_UNSPECIFIED",
            Self::Trimmed => "GAP_REASON_TRIMMED",
            Self::Missing => "GAP_REASON_MISSING",
            Self::Damaged => "GAP_REASON_DAMAGED",
            Self::NewerFormat => "GAP_REASON_NEWER_FORMAT",
        };
        serializer.serialize_str(variant)
    }
}
impl<'de> serde::Deserialize<'de> for GapReason {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "GAP_REASON_UNSPECIFIED",
            "GAP_REASON_TRIMMED",
            "GAP_REASON_MISSING",
            "GAP_REASON_DAMAGED",
            "GAP_REASON_NEWER_FORMAT",
        ];

        struct GeneratedVisitor;

        impl serde::de::Visitor<'_> for GeneratedVisitor {
            type Value = GapReason;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, "expected one of: {:?}", &FIELDS)
            }

            fn visit_i64<E>(self, v: i64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Signed(v), &self)
                    })
            }

            fn visit_u64<E>(self, v: u64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Unsigned(v), &self)
                    })
            }

            fn visit_str<E>(self, value: &str) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                match value {
                    "GAP_REASON_UNSPECIFIED" => Ok(GapReason::Unspecified),
                    "GAP_REASON_TRIMMED" => Ok(GapReason::Trimmed),
                    "GAP_REASON_MISSING" => Ok(GapReason::Missing),
                    "GAP_REASON_DAMAGED" => Ok(GapReason::Damaged),
                    "GAP_REASON_NEWER_FORMAT" => Ok(GapReason::NewerFormat),
                    _ => Err(serde::de::Error::unknown_variant(value, FIELDS)),
                }
            }
        }
        deserializer.deserialize_any(GeneratedVisitor)
    }
}
impl serde::Serialize for GetEventRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.include_raw_body {
            len += 1;
        }
        if self.event.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.GetEventRequest", len)?;
        if self.include_raw_body {
            struct_ser.serialize_field("includeRawBody", &self.include_raw_body)?;
        }
        if let Some(v) = self.event.as_ref() {
            match v {
                get_event_request::Event::Sequence(v) => {
                    #[allow(clippy::needless_borrow)]
                    #[allow(clippy::needless_borrows_for_generic_args)]
                    struct_ser.serialize_field("sequence", ToString::to_string(&v).as_str())?;
                }
                get_event_request::Event::Cursor(v) => {
                    struct_ser.serialize_field("cursor", v)?;
                }
            }
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for GetEventRequest {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "include_raw_body",
            "includeRawBody",
            "sequence",
            "cursor",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            IncludeRawBody,
            Sequence,
            Cursor,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "includeRawBody" | "include_raw_body" => Ok(GeneratedField::IncludeRawBody),
                            "sequence" => Ok(GeneratedField::Sequence),
                            "cursor" => Ok(GeneratedField::Cursor),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = GetEventRequest;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.GetEventRequest")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<GetEventRequest, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut include_raw_body__ = None;
                let mut event__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::IncludeRawBody => {
                            if include_raw_body__.is_some() {
                                return Err(serde::de::Error::duplicate_field("includeRawBody"));
                            }
                            include_raw_body__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Sequence => {
                            if event__.is_some() {
                                return Err(serde::de::Error::duplicate_field("sequence"));
                            }
                            event__ = map_.next_value::<::std::option::Option<::pbjson::private::NumberDeserialize<_>>>()?.map(|x| get_event_request::Event::Sequence(x.0));
                        }
                        GeneratedField::Cursor => {
                            if event__.is_some() {
                                return Err(serde::de::Error::duplicate_field("cursor"));
                            }
                            event__ = map_.next_value::<::std::option::Option<_>>()?.map(get_event_request::Event::Cursor);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(GetEventRequest {
                    include_raw_body: include_raw_body__.unwrap_or_default(),
                    event: event__,
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.GetEventRequest", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GetEventResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.event.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.GetEventResponse", len)?;
        if let Some(v) = self.event.as_ref() {
            struct_ser.serialize_field("event", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for GetEventResponse {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "event",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Event,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "event" => Ok(GeneratedField::Event),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = GetEventResponse;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.GetEventResponse")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<GetEventResponse, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut event__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Event => {
                            if event__.is_some() {
                                return Err(serde::de::Error::duplicate_field("event"));
                            }
                            event__ = map_.next_value()?;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(GetEventResponse {
                    event: event__,
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.GetEventResponse", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GetLogStatusRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let len = 0;
        let struct_ser = serializer.serialize_struct("imcallback.v1.GetLogStatusRequest", len)?;
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for GetLogStatusRequest {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                            Ok(GeneratedField::__SkipField__)
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = GetLogStatusRequest;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.GetLogStatusRequest")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<GetLogStatusRequest, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                while map_.next_key::<GeneratedField>()?.is_some() {
                    let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                }
                Ok(GetLogStatusRequest {
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.GetLogStatusRequest", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GetLogStatusResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.epoch.is_empty() {
            len += 1;
        }
        if self.epoch_start.is_some() {
            len += 1;
        }
        if !self.backend.is_empty() {
            len += 1;
        }
        if self.state != 0 {
            len += 1;
        }
        if self.oldest_sequence != 0 {
            len += 1;
        }
        if !self.oldest_cursor.is_empty() {
            len += 1;
        }
        if self.oldest_receive_time.is_some() {
            len += 1;
        }
        if self.latest_sequence != 0 {
            len += 1;
        }
        if !self.latest_cursor.is_empty() {
            len += 1;
        }
        if self.latest_receive_time.is_some() {
            len += 1;
        }
        if self.bytes != 0 {
            len += 1;
        }
        if self.memory_sequence != 0 {
            len += 1;
        }
        if self.index_sequence.is_some() {
            len += 1;
        }
        if self.process_start_time.is_some() {
            len += 1;
        }
        if !self.apps.is_empty() {
            len += 1;
        }
        if !self.replica.is_empty() {
            len += 1;
        }
        if !self.gaps.is_empty() {
            len += 1;
        }
        if self.lost_events != 0 {
            len += 1;
        }
        if self.damaged_stores != 0 {
            len += 1;
        }
        if !self.state_reason.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.GetLogStatusResponse", len)?;
        if !self.epoch.is_empty() {
            struct_ser.serialize_field("epoch", &self.epoch)?;
        }
        if let Some(v) = self.epoch_start.as_ref() {
            struct_ser.serialize_field("epochStart", v)?;
        }
        if !self.backend.is_empty() {
            struct_ser.serialize_field("backend", &self.backend)?;
        }
        if self.state != 0 {
            let v = LogState::try_from(self.state)
                .map_err(|_| serde::ser::Error::custom(format!("Invalid variant {}", self.state)))?;
            struct_ser.serialize_field("state", &v)?;
        }
        if self.oldest_sequence != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("oldestSequence", ToString::to_string(&self.oldest_sequence).as_str())?;
        }
        if !self.oldest_cursor.is_empty() {
            struct_ser.serialize_field("oldestCursor", &self.oldest_cursor)?;
        }
        if let Some(v) = self.oldest_receive_time.as_ref() {
            struct_ser.serialize_field("oldestReceiveTime", v)?;
        }
        if self.latest_sequence != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("latestSequence", ToString::to_string(&self.latest_sequence).as_str())?;
        }
        if !self.latest_cursor.is_empty() {
            struct_ser.serialize_field("latestCursor", &self.latest_cursor)?;
        }
        if let Some(v) = self.latest_receive_time.as_ref() {
            struct_ser.serialize_field("latestReceiveTime", v)?;
        }
        if self.bytes != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("bytes", ToString::to_string(&self.bytes).as_str())?;
        }
        if self.memory_sequence != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("memorySequence", ToString::to_string(&self.memory_sequence).as_str())?;
        }
        if let Some(v) = self.index_sequence.as_ref() {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("indexSequence", ToString::to_string(&v).as_str())?;
        }
        if let Some(v) = self.process_start_time.as_ref() {
            struct_ser.serialize_field("processStartTime", v)?;
        }
        if !self.apps.is_empty() {
            struct_ser.serialize_field("apps", &self.apps)?;
        }
        if !self.replica.is_empty() {
            struct_ser.serialize_field("replica", &self.replica)?;
        }
        if !self.gaps.is_empty() {
            struct_ser.serialize_field("gaps", &self.gaps)?;
        }
        if self.lost_events != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("lostEvents", ToString::to_string(&self.lost_events).as_str())?;
        }
        if self.damaged_stores != 0 {
            struct_ser.serialize_field("damagedStores", &self.damaged_stores)?;
        }
        if !self.state_reason.is_empty() {
            struct_ser.serialize_field("stateReason", &self.state_reason)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for GetLogStatusResponse {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "epoch",
            "epoch_start",
            "epochStart",
            "backend",
            "state",
            "oldest_sequence",
            "oldestSequence",
            "oldest_cursor",
            "oldestCursor",
            "oldest_receive_time",
            "oldestReceiveTime",
            "latest_sequence",
            "latestSequence",
            "latest_cursor",
            "latestCursor",
            "latest_receive_time",
            "latestReceiveTime",
            "bytes",
            "memory_sequence",
            "memorySequence",
            "index_sequence",
            "indexSequence",
            "process_start_time",
            "processStartTime",
            "apps",
            "replica",
            "gaps",
            "lost_events",
            "lostEvents",
            "damaged_stores",
            "damagedStores",
            "state_reason",
            "stateReason",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Epoch,
            EpochStart,
            Backend,
            State,
            OldestSequence,
            OldestCursor,
            OldestReceiveTime,
            LatestSequence,
            LatestCursor,
            LatestReceiveTime,
            Bytes,
            MemorySequence,
            IndexSequence,
            ProcessStartTime,
            Apps,
            Replica,
            Gaps,
            LostEvents,
            DamagedStores,
            StateReason,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "epoch" => Ok(GeneratedField::Epoch),
                            "epochStart" | "epoch_start" => Ok(GeneratedField::EpochStart),
                            "backend" => Ok(GeneratedField::Backend),
                            "state" => Ok(GeneratedField::State),
                            "oldestSequence" | "oldest_sequence" => Ok(GeneratedField::OldestSequence),
                            "oldestCursor" | "oldest_cursor" => Ok(GeneratedField::OldestCursor),
                            "oldestReceiveTime" | "oldest_receive_time" => Ok(GeneratedField::OldestReceiveTime),
                            "latestSequence" | "latest_sequence" => Ok(GeneratedField::LatestSequence),
                            "latestCursor" | "latest_cursor" => Ok(GeneratedField::LatestCursor),
                            "latestReceiveTime" | "latest_receive_time" => Ok(GeneratedField::LatestReceiveTime),
                            "bytes" => Ok(GeneratedField::Bytes),
                            "memorySequence" | "memory_sequence" => Ok(GeneratedField::MemorySequence),
                            "indexSequence" | "index_sequence" => Ok(GeneratedField::IndexSequence),
                            "processStartTime" | "process_start_time" => Ok(GeneratedField::ProcessStartTime),
                            "apps" => Ok(GeneratedField::Apps),
                            "replica" => Ok(GeneratedField::Replica),
                            "gaps" => Ok(GeneratedField::Gaps),
                            "lostEvents" | "lost_events" => Ok(GeneratedField::LostEvents),
                            "damagedStores" | "damaged_stores" => Ok(GeneratedField::DamagedStores),
                            "stateReason" | "state_reason" => Ok(GeneratedField::StateReason),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = GetLogStatusResponse;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.GetLogStatusResponse")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<GetLogStatusResponse, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut epoch__ = None;
                let mut epoch_start__ = None;
                let mut backend__ = None;
                let mut state__ = None;
                let mut oldest_sequence__ = None;
                let mut oldest_cursor__ = None;
                let mut oldest_receive_time__ = None;
                let mut latest_sequence__ = None;
                let mut latest_cursor__ = None;
                let mut latest_receive_time__ = None;
                let mut bytes__ = None;
                let mut memory_sequence__ = None;
                let mut index_sequence__ = None;
                let mut process_start_time__ = None;
                let mut apps__ = None;
                let mut replica__ = None;
                let mut gaps__ = None;
                let mut lost_events__ = None;
                let mut damaged_stores__ = None;
                let mut state_reason__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Epoch => {
                            if epoch__.is_some() {
                                return Err(serde::de::Error::duplicate_field("epoch"));
                            }
                            epoch__ = Some(map_.next_value()?);
                        }
                        GeneratedField::EpochStart => {
                            if epoch_start__.is_some() {
                                return Err(serde::de::Error::duplicate_field("epochStart"));
                            }
                            epoch_start__ = map_.next_value()?;
                        }
                        GeneratedField::Backend => {
                            if backend__.is_some() {
                                return Err(serde::de::Error::duplicate_field("backend"));
                            }
                            backend__ = Some(map_.next_value()?);
                        }
                        GeneratedField::State => {
                            if state__.is_some() {
                                return Err(serde::de::Error::duplicate_field("state"));
                            }
                            state__ = Some(map_.next_value::<LogState>()? as i32);
                        }
                        GeneratedField::OldestSequence => {
                            if oldest_sequence__.is_some() {
                                return Err(serde::de::Error::duplicate_field("oldestSequence"));
                            }
                            oldest_sequence__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::OldestCursor => {
                            if oldest_cursor__.is_some() {
                                return Err(serde::de::Error::duplicate_field("oldestCursor"));
                            }
                            oldest_cursor__ = Some(map_.next_value()?);
                        }
                        GeneratedField::OldestReceiveTime => {
                            if oldest_receive_time__.is_some() {
                                return Err(serde::de::Error::duplicate_field("oldestReceiveTime"));
                            }
                            oldest_receive_time__ = map_.next_value()?;
                        }
                        GeneratedField::LatestSequence => {
                            if latest_sequence__.is_some() {
                                return Err(serde::de::Error::duplicate_field("latestSequence"));
                            }
                            latest_sequence__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::LatestCursor => {
                            if latest_cursor__.is_some() {
                                return Err(serde::de::Error::duplicate_field("latestCursor"));
                            }
                            latest_cursor__ = Some(map_.next_value()?);
                        }
                        GeneratedField::LatestReceiveTime => {
                            if latest_receive_time__.is_some() {
                                return Err(serde::de::Error::duplicate_field("latestReceiveTime"));
                            }
                            latest_receive_time__ = map_.next_value()?;
                        }
                        GeneratedField::Bytes => {
                            if bytes__.is_some() {
                                return Err(serde::de::Error::duplicate_field("bytes"));
                            }
                            bytes__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::MemorySequence => {
                            if memory_sequence__.is_some() {
                                return Err(serde::de::Error::duplicate_field("memorySequence"));
                            }
                            memory_sequence__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::IndexSequence => {
                            if index_sequence__.is_some() {
                                return Err(serde::de::Error::duplicate_field("indexSequence"));
                            }
                            index_sequence__ = 
                                map_.next_value::<::std::option::Option<::pbjson::private::NumberDeserialize<_>>>()?.map(|x| x.0)
                            ;
                        }
                        GeneratedField::ProcessStartTime => {
                            if process_start_time__.is_some() {
                                return Err(serde::de::Error::duplicate_field("processStartTime"));
                            }
                            process_start_time__ = map_.next_value()?;
                        }
                        GeneratedField::Apps => {
                            if apps__.is_some() {
                                return Err(serde::de::Error::duplicate_field("apps"));
                            }
                            apps__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Replica => {
                            if replica__.is_some() {
                                return Err(serde::de::Error::duplicate_field("replica"));
                            }
                            replica__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Gaps => {
                            if gaps__.is_some() {
                                return Err(serde::de::Error::duplicate_field("gaps"));
                            }
                            gaps__ = Some(map_.next_value()?);
                        }
                        GeneratedField::LostEvents => {
                            if lost_events__.is_some() {
                                return Err(serde::de::Error::duplicate_field("lostEvents"));
                            }
                            lost_events__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::DamagedStores => {
                            if damaged_stores__.is_some() {
                                return Err(serde::de::Error::duplicate_field("damagedStores"));
                            }
                            damaged_stores__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::StateReason => {
                            if state_reason__.is_some() {
                                return Err(serde::de::Error::duplicate_field("stateReason"));
                            }
                            state_reason__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(GetLogStatusResponse {
                    epoch: epoch__.unwrap_or_default(),
                    epoch_start: epoch_start__,
                    backend: backend__.unwrap_or_default(),
                    state: state__.unwrap_or_default(),
                    oldest_sequence: oldest_sequence__.unwrap_or_default(),
                    oldest_cursor: oldest_cursor__.unwrap_or_default(),
                    oldest_receive_time: oldest_receive_time__,
                    latest_sequence: latest_sequence__.unwrap_or_default(),
                    latest_cursor: latest_cursor__.unwrap_or_default(),
                    latest_receive_time: latest_receive_time__,
                    bytes: bytes__.unwrap_or_default(),
                    memory_sequence: memory_sequence__.unwrap_or_default(),
                    index_sequence: index_sequence__,
                    process_start_time: process_start_time__,
                    apps: apps__.unwrap_or_default(),
                    replica: replica__.unwrap_or_default(),
                    gaps: gaps__.unwrap_or_default(),
                    lost_events: lost_events__.unwrap_or_default(),
                    damaged_stores: damaged_stores__.unwrap_or_default(),
                    state_reason: state_reason__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.GetLogStatusResponse", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GoingAway {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.cursor.is_empty() {
            len += 1;
        }
        if self.reason != 0 {
            len += 1;
        }
        if self.retry_delay.is_some() {
            len += 1;
        }
        if self.unmatched_events != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.GoingAway", len)?;
        if !self.cursor.is_empty() {
            struct_ser.serialize_field("cursor", &self.cursor)?;
        }
        if self.reason != 0 {
            let v = ErrorReason::try_from(self.reason)
                .map_err(|_| serde::ser::Error::custom(format!("Invalid variant {}", self.reason)))?;
            struct_ser.serialize_field("reason", &v)?;
        }
        if let Some(v) = self.retry_delay.as_ref() {
            struct_ser.serialize_field("retryDelay", v)?;
        }
        if self.unmatched_events != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("unmatchedEvents", ToString::to_string(&self.unmatched_events).as_str())?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for GoingAway {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "cursor",
            "reason",
            "retry_delay",
            "retryDelay",
            "unmatched_events",
            "unmatchedEvents",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Cursor,
            Reason,
            RetryDelay,
            UnmatchedEvents,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "cursor" => Ok(GeneratedField::Cursor),
                            "reason" => Ok(GeneratedField::Reason),
                            "retryDelay" | "retry_delay" => Ok(GeneratedField::RetryDelay),
                            "unmatchedEvents" | "unmatched_events" => Ok(GeneratedField::UnmatchedEvents),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = GoingAway;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.GoingAway")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<GoingAway, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut cursor__ = None;
                let mut reason__ = None;
                let mut retry_delay__ = None;
                let mut unmatched_events__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Cursor => {
                            if cursor__.is_some() {
                                return Err(serde::de::Error::duplicate_field("cursor"));
                            }
                            cursor__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Reason => {
                            if reason__.is_some() {
                                return Err(serde::de::Error::duplicate_field("reason"));
                            }
                            reason__ = Some(map_.next_value::<ErrorReason>()? as i32);
                        }
                        GeneratedField::RetryDelay => {
                            if retry_delay__.is_some() {
                                return Err(serde::de::Error::duplicate_field("retryDelay"));
                            }
                            retry_delay__ = map_.next_value()?;
                        }
                        GeneratedField::UnmatchedEvents => {
                            if unmatched_events__.is_some() {
                                return Err(serde::de::Error::duplicate_field("unmatchedEvents"));
                            }
                            unmatched_events__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(GoingAway {
                    cursor: cursor__.unwrap_or_default(),
                    reason: reason__.unwrap_or_default(),
                    retry_delay: retry_delay__,
                    unmatched_events: unmatched_events__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.GoingAway", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GroupAfterCreate {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.group_id.is_empty() {
            len += 1;
        }
        if !self.operator_account.is_empty() {
            len += 1;
        }
        if !self.owner_account.is_empty() {
            len += 1;
        }
        if !self.r#type.is_empty() {
            len += 1;
        }
        if !self.name.is_empty() {
            len += 1;
        }
        if !self.member_list.is_empty() {
            len += 1;
        }
        if !self.user_defined_data_list.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.GroupAfterCreate", len)?;
        if !self.group_id.is_empty() {
            struct_ser.serialize_field("GroupId", &self.group_id)?;
        }
        if !self.operator_account.is_empty() {
            struct_ser.serialize_field("Operator_Account", &self.operator_account)?;
        }
        if !self.owner_account.is_empty() {
            struct_ser.serialize_field("Owner_Account", &self.owner_account)?;
        }
        if !self.r#type.is_empty() {
            struct_ser.serialize_field("Type", &self.r#type)?;
        }
        if !self.name.is_empty() {
            struct_ser.serialize_field("Name", &self.name)?;
        }
        if !self.member_list.is_empty() {
            struct_ser.serialize_field("MemberList", &self.member_list)?;
        }
        if !self.user_defined_data_list.is_empty() {
            struct_ser.serialize_field("UserDefinedDataList", &self.user_defined_data_list)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for GroupAfterCreate {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "group_id",
            "GroupId",
            "operator_account",
            "Operator_Account",
            "owner_account",
            "Owner_Account",
            "type",
            "Type",
            "name",
            "Name",
            "member_list",
            "MemberList",
            "user_defined_data_list",
            "UserDefinedDataList",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            GroupId,
            OperatorAccount,
            OwnerAccount,
            Type,
            Name,
            MemberList,
            UserDefinedDataList,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "GroupId" | "group_id" => Ok(GeneratedField::GroupId),
                            "Operator_Account" | "operator_account" => Ok(GeneratedField::OperatorAccount),
                            "Owner_Account" | "owner_account" => Ok(GeneratedField::OwnerAccount),
                            "Type" | "type" => Ok(GeneratedField::Type),
                            "Name" | "name" => Ok(GeneratedField::Name),
                            "MemberList" | "member_list" => Ok(GeneratedField::MemberList),
                            "UserDefinedDataList" | "user_defined_data_list" => Ok(GeneratedField::UserDefinedDataList),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = GroupAfterCreate;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.GroupAfterCreate")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<GroupAfterCreate, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut group_id__ = None;
                let mut operator_account__ = None;
                let mut owner_account__ = None;
                let mut r#type__ = None;
                let mut name__ = None;
                let mut member_list__ = None;
                let mut user_defined_data_list__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::GroupId => {
                            if group_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("GroupId"));
                            }
                            group_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::OperatorAccount => {
                            if operator_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Operator_Account"));
                            }
                            operator_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::OwnerAccount => {
                            if owner_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Owner_Account"));
                            }
                            owner_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Type => {
                            if r#type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Type"));
                            }
                            r#type__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Name => {
                            if name__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Name"));
                            }
                            name__ = Some(map_.next_value()?);
                        }
                        GeneratedField::MemberList => {
                            if member_list__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MemberList"));
                            }
                            member_list__ = Some(map_.next_value()?);
                        }
                        GeneratedField::UserDefinedDataList => {
                            if user_defined_data_list__.is_some() {
                                return Err(serde::de::Error::duplicate_field("UserDefinedDataList"));
                            }
                            user_defined_data_list__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(GroupAfterCreate {
                    group_id: group_id__.unwrap_or_default(),
                    operator_account: operator_account__.unwrap_or_default(),
                    owner_account: owner_account__.unwrap_or_default(),
                    r#type: r#type__.unwrap_or_default(),
                    name: name__.unwrap_or_default(),
                    member_list: member_list__.unwrap_or_default(),
                    user_defined_data_list: user_defined_data_list__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.GroupAfterCreate", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GroupAfterMemberExit {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.group_id.is_empty() {
            len += 1;
        }
        if !self.r#type.is_empty() {
            len += 1;
        }
        if !self.exit_type.is_empty() {
            len += 1;
        }
        if !self.operator_account.is_empty() {
            len += 1;
        }
        if !self.exit_member_list.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.GroupAfterMemberExit", len)?;
        if !self.group_id.is_empty() {
            struct_ser.serialize_field("GroupId", &self.group_id)?;
        }
        if !self.r#type.is_empty() {
            struct_ser.serialize_field("Type", &self.r#type)?;
        }
        if !self.exit_type.is_empty() {
            struct_ser.serialize_field("ExitType", &self.exit_type)?;
        }
        if !self.operator_account.is_empty() {
            struct_ser.serialize_field("Operator_Account", &self.operator_account)?;
        }
        if !self.exit_member_list.is_empty() {
            struct_ser.serialize_field("ExitMemberList", &self.exit_member_list)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for GroupAfterMemberExit {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "group_id",
            "GroupId",
            "type",
            "Type",
            "exit_type",
            "ExitType",
            "operator_account",
            "Operator_Account",
            "exit_member_list",
            "ExitMemberList",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            GroupId,
            Type,
            ExitType,
            OperatorAccount,
            ExitMemberList,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "GroupId" | "group_id" => Ok(GeneratedField::GroupId),
                            "Type" | "type" => Ok(GeneratedField::Type),
                            "ExitType" | "exit_type" => Ok(GeneratedField::ExitType),
                            "Operator_Account" | "operator_account" => Ok(GeneratedField::OperatorAccount),
                            "ExitMemberList" | "exit_member_list" => Ok(GeneratedField::ExitMemberList),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = GroupAfterMemberExit;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.GroupAfterMemberExit")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<GroupAfterMemberExit, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut group_id__ = None;
                let mut r#type__ = None;
                let mut exit_type__ = None;
                let mut operator_account__ = None;
                let mut exit_member_list__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::GroupId => {
                            if group_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("GroupId"));
                            }
                            group_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Type => {
                            if r#type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Type"));
                            }
                            r#type__ = Some(map_.next_value()?);
                        }
                        GeneratedField::ExitType => {
                            if exit_type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("ExitType"));
                            }
                            exit_type__ = Some(map_.next_value()?);
                        }
                        GeneratedField::OperatorAccount => {
                            if operator_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Operator_Account"));
                            }
                            operator_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::ExitMemberList => {
                            if exit_member_list__.is_some() {
                                return Err(serde::de::Error::duplicate_field("ExitMemberList"));
                            }
                            exit_member_list__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(GroupAfterMemberExit {
                    group_id: group_id__.unwrap_or_default(),
                    r#type: r#type__.unwrap_or_default(),
                    exit_type: exit_type__.unwrap_or_default(),
                    operator_account: operator_account__.unwrap_or_default(),
                    exit_member_list: exit_member_list__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.GroupAfterMemberExit", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GroupAfterMsgExtension {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.group_id.is_empty() {
            len += 1;
        }
        if self.msg_seq != 0 {
            len += 1;
        }
        if self.operate_type != 0 {
            len += 1;
        }
        if !self.extension_list.is_empty() {
            len += 1;
        }
        if self.seq != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.GroupAfterMsgExtension", len)?;
        if !self.group_id.is_empty() {
            struct_ser.serialize_field("GroupId", &self.group_id)?;
        }
        if self.msg_seq != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("MsgSeq", ToString::to_string(&self.msg_seq).as_str())?;
        }
        if self.operate_type != 0 {
            struct_ser.serialize_field("OperateType", &self.operate_type)?;
        }
        if !self.extension_list.is_empty() {
            struct_ser.serialize_field("ExtensionList", &self.extension_list)?;
        }
        if self.seq != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("Seq", ToString::to_string(&self.seq).as_str())?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for GroupAfterMsgExtension {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "group_id",
            "GroupId",
            "msg_seq",
            "MsgSeq",
            "operate_type",
            "OperateType",
            "extension_list",
            "ExtensionList",
            "seq",
            "Seq",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            GroupId,
            MsgSeq,
            OperateType,
            ExtensionList,
            Seq,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "GroupId" | "group_id" => Ok(GeneratedField::GroupId),
                            "MsgSeq" | "msg_seq" => Ok(GeneratedField::MsgSeq),
                            "OperateType" | "operate_type" => Ok(GeneratedField::OperateType),
                            "ExtensionList" | "extension_list" => Ok(GeneratedField::ExtensionList),
                            "Seq" | "seq" => Ok(GeneratedField::Seq),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = GroupAfterMsgExtension;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.GroupAfterMsgExtension")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<GroupAfterMsgExtension, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut group_id__ = None;
                let mut msg_seq__ = None;
                let mut operate_type__ = None;
                let mut extension_list__ = None;
                let mut seq__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::GroupId => {
                            if group_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("GroupId"));
                            }
                            group_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::MsgSeq => {
                            if msg_seq__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgSeq"));
                            }
                            msg_seq__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::OperateType => {
                            if operate_type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("OperateType"));
                            }
                            operate_type__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::ExtensionList => {
                            if extension_list__.is_some() {
                                return Err(serde::de::Error::duplicate_field("ExtensionList"));
                            }
                            extension_list__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Seq => {
                            if seq__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Seq"));
                            }
                            seq__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(GroupAfterMsgExtension {
                    group_id: group_id__.unwrap_or_default(),
                    msg_seq: msg_seq__.unwrap_or_default(),
                    operate_type: operate_type__.unwrap_or_default(),
                    extension_list: extension_list__.unwrap_or_default(),
                    seq: seq__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.GroupAfterMsgExtension", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GroupAfterNewMemberJoin {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.group_id.is_empty() {
            len += 1;
        }
        if !self.r#type.is_empty() {
            len += 1;
        }
        if !self.join_type.is_empty() {
            len += 1;
        }
        if !self.operator_account.is_empty() {
            len += 1;
        }
        if !self.new_member_list.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.GroupAfterNewMemberJoin", len)?;
        if !self.group_id.is_empty() {
            struct_ser.serialize_field("GroupId", &self.group_id)?;
        }
        if !self.r#type.is_empty() {
            struct_ser.serialize_field("Type", &self.r#type)?;
        }
        if !self.join_type.is_empty() {
            struct_ser.serialize_field("JoinType", &self.join_type)?;
        }
        if !self.operator_account.is_empty() {
            struct_ser.serialize_field("Operator_Account", &self.operator_account)?;
        }
        if !self.new_member_list.is_empty() {
            struct_ser.serialize_field("NewMemberList", &self.new_member_list)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for GroupAfterNewMemberJoin {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "group_id",
            "GroupId",
            "type",
            "Type",
            "join_type",
            "JoinType",
            "operator_account",
            "Operator_Account",
            "new_member_list",
            "NewMemberList",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            GroupId,
            Type,
            JoinType,
            OperatorAccount,
            NewMemberList,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "GroupId" | "group_id" => Ok(GeneratedField::GroupId),
                            "Type" | "type" => Ok(GeneratedField::Type),
                            "JoinType" | "join_type" => Ok(GeneratedField::JoinType),
                            "Operator_Account" | "operator_account" => Ok(GeneratedField::OperatorAccount),
                            "NewMemberList" | "new_member_list" => Ok(GeneratedField::NewMemberList),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = GroupAfterNewMemberJoin;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.GroupAfterNewMemberJoin")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<GroupAfterNewMemberJoin, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut group_id__ = None;
                let mut r#type__ = None;
                let mut join_type__ = None;
                let mut operator_account__ = None;
                let mut new_member_list__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::GroupId => {
                            if group_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("GroupId"));
                            }
                            group_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Type => {
                            if r#type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Type"));
                            }
                            r#type__ = Some(map_.next_value()?);
                        }
                        GeneratedField::JoinType => {
                            if join_type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("JoinType"));
                            }
                            join_type__ = Some(map_.next_value()?);
                        }
                        GeneratedField::OperatorAccount => {
                            if operator_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Operator_Account"));
                            }
                            operator_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::NewMemberList => {
                            if new_member_list__.is_some() {
                                return Err(serde::de::Error::duplicate_field("NewMemberList"));
                            }
                            new_member_list__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(GroupAfterNewMemberJoin {
                    group_id: group_id__.unwrap_or_default(),
                    r#type: r#type__.unwrap_or_default(),
                    join_type: join_type__.unwrap_or_default(),
                    operator_account: operator_account__.unwrap_or_default(),
                    new_member_list: new_member_list__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.GroupAfterNewMemberJoin", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GroupAfterReadReceipt {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.group_id.is_empty() {
            len += 1;
        }
        if !self.r#type.is_empty() {
            len += 1;
        }
        if !self.group_msg_receipt_list.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.GroupAfterReadReceipt", len)?;
        if !self.group_id.is_empty() {
            struct_ser.serialize_field("GroupId", &self.group_id)?;
        }
        if !self.r#type.is_empty() {
            struct_ser.serialize_field("Type", &self.r#type)?;
        }
        if !self.group_msg_receipt_list.is_empty() {
            struct_ser.serialize_field("GroupMsgReceiptList", &self.group_msg_receipt_list)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for GroupAfterReadReceipt {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "group_id",
            "GroupId",
            "type",
            "Type",
            "group_msg_receipt_list",
            "GroupMsgReceiptList",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            GroupId,
            Type,
            GroupMsgReceiptList,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "GroupId" | "group_id" => Ok(GeneratedField::GroupId),
                            "Type" | "type" => Ok(GeneratedField::Type),
                            "GroupMsgReceiptList" | "group_msg_receipt_list" => Ok(GeneratedField::GroupMsgReceiptList),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = GroupAfterReadReceipt;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.GroupAfterReadReceipt")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<GroupAfterReadReceipt, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut group_id__ = None;
                let mut r#type__ = None;
                let mut group_msg_receipt_list__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::GroupId => {
                            if group_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("GroupId"));
                            }
                            group_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Type => {
                            if r#type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Type"));
                            }
                            r#type__ = Some(map_.next_value()?);
                        }
                        GeneratedField::GroupMsgReceiptList => {
                            if group_msg_receipt_list__.is_some() {
                                return Err(serde::de::Error::duplicate_field("GroupMsgReceiptList"));
                            }
                            group_msg_receipt_list__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(GroupAfterReadReceipt {
                    group_id: group_id__.unwrap_or_default(),
                    r#type: r#type__.unwrap_or_default(),
                    group_msg_receipt_list: group_msg_receipt_list__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.GroupAfterReadReceipt", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GroupAfterRecallMsg {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.operator_account.is_empty() {
            len += 1;
        }
        if !self.r#type.is_empty() {
            len += 1;
        }
        if !self.group_id.is_empty() {
            len += 1;
        }
        if !self.msg_seq_list.is_empty() {
            len += 1;
        }
        if !self.topic_id.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.GroupAfterRecallMsg", len)?;
        if !self.operator_account.is_empty() {
            struct_ser.serialize_field("Operator_Account", &self.operator_account)?;
        }
        if !self.r#type.is_empty() {
            struct_ser.serialize_field("Type", &self.r#type)?;
        }
        if !self.group_id.is_empty() {
            struct_ser.serialize_field("GroupId", &self.group_id)?;
        }
        if !self.msg_seq_list.is_empty() {
            struct_ser.serialize_field("MsgSeqList", &self.msg_seq_list)?;
        }
        if !self.topic_id.is_empty() {
            struct_ser.serialize_field("TopicId", &self.topic_id)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for GroupAfterRecallMsg {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "operator_account",
            "Operator_Account",
            "type",
            "Type",
            "group_id",
            "GroupId",
            "msg_seq_list",
            "MsgSeqList",
            "topic_id",
            "TopicId",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            OperatorAccount,
            Type,
            GroupId,
            MsgSeqList,
            TopicId,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "Operator_Account" | "operator_account" => Ok(GeneratedField::OperatorAccount),
                            "Type" | "type" => Ok(GeneratedField::Type),
                            "GroupId" | "group_id" => Ok(GeneratedField::GroupId),
                            "MsgSeqList" | "msg_seq_list" => Ok(GeneratedField::MsgSeqList),
                            "TopicId" | "topic_id" => Ok(GeneratedField::TopicId),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = GroupAfterRecallMsg;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.GroupAfterRecallMsg")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<GroupAfterRecallMsg, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut operator_account__ = None;
                let mut r#type__ = None;
                let mut group_id__ = None;
                let mut msg_seq_list__ = None;
                let mut topic_id__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::OperatorAccount => {
                            if operator_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Operator_Account"));
                            }
                            operator_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Type => {
                            if r#type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Type"));
                            }
                            r#type__ = Some(map_.next_value()?);
                        }
                        GeneratedField::GroupId => {
                            if group_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("GroupId"));
                            }
                            group_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::MsgSeqList => {
                            if msg_seq_list__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgSeqList"));
                            }
                            msg_seq_list__ = Some(map_.next_value()?);
                        }
                        GeneratedField::TopicId => {
                            if topic_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("TopicId"));
                            }
                            topic_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(GroupAfterRecallMsg {
                    operator_account: operator_account__.unwrap_or_default(),
                    r#type: r#type__.unwrap_or_default(),
                    group_id: group_id__.unwrap_or_default(),
                    msg_seq_list: msg_seq_list__.unwrap_or_default(),
                    topic_id: topic_id__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.GroupAfterRecallMsg", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GroupAfterSendMsg {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.group_id.is_empty() {
            len += 1;
        }
        if !self.r#type.is_empty() {
            len += 1;
        }
        if !self.from_account.is_empty() {
            len += 1;
        }
        if !self.operator_account.is_empty() {
            len += 1;
        }
        if self.random != 0 {
            len += 1;
        }
        if self.online_only_flag != 0 {
            len += 1;
        }
        if !self.msg_body.is_empty() {
            len += 1;
        }
        if !self.cloud_custom_data.is_empty() {
            len += 1;
        }
        if !self.topic_id.is_empty() {
            len += 1;
        }
        if self.msg_seq != 0 {
            len += 1;
        }
        if self.msg_time != 0 {
            len += 1;
        }
        if !self.group_at_info.is_empty() {
            len += 1;
        }
        if !self.msg_id.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.GroupAfterSendMsg", len)?;
        if !self.group_id.is_empty() {
            struct_ser.serialize_field("GroupId", &self.group_id)?;
        }
        if !self.r#type.is_empty() {
            struct_ser.serialize_field("Type", &self.r#type)?;
        }
        if !self.from_account.is_empty() {
            struct_ser.serialize_field("From_Account", &self.from_account)?;
        }
        if !self.operator_account.is_empty() {
            struct_ser.serialize_field("Operator_Account", &self.operator_account)?;
        }
        if self.random != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("Random", ToString::to_string(&self.random).as_str())?;
        }
        if self.online_only_flag != 0 {
            struct_ser.serialize_field("OnlineOnlyFlag", &self.online_only_flag)?;
        }
        if !self.msg_body.is_empty() {
            struct_ser.serialize_field("MsgBody", &self.msg_body)?;
        }
        if !self.cloud_custom_data.is_empty() {
            struct_ser.serialize_field("CloudCustomData", &self.cloud_custom_data)?;
        }
        if !self.topic_id.is_empty() {
            struct_ser.serialize_field("TopicId", &self.topic_id)?;
        }
        if self.msg_seq != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("MsgSeq", ToString::to_string(&self.msg_seq).as_str())?;
        }
        if self.msg_time != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("MsgTime", ToString::to_string(&self.msg_time).as_str())?;
        }
        if !self.group_at_info.is_empty() {
            struct_ser.serialize_field("GroupAtInfo", &self.group_at_info)?;
        }
        if !self.msg_id.is_empty() {
            struct_ser.serialize_field("MsgId", &self.msg_id)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for GroupAfterSendMsg {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "group_id",
            "GroupId",
            "type",
            "Type",
            "from_account",
            "From_Account",
            "operator_account",
            "Operator_Account",
            "random",
            "Random",
            "online_only_flag",
            "OnlineOnlyFlag",
            "msg_body",
            "MsgBody",
            "cloud_custom_data",
            "CloudCustomData",
            "topic_id",
            "TopicId",
            "msg_seq",
            "MsgSeq",
            "msg_time",
            "MsgTime",
            "group_at_info",
            "GroupAtInfo",
            "msg_id",
            "MsgId",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            GroupId,
            Type,
            FromAccount,
            OperatorAccount,
            Random,
            OnlineOnlyFlag,
            MsgBody,
            CloudCustomData,
            TopicId,
            MsgSeq,
            MsgTime,
            GroupAtInfo,
            MsgId,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "GroupId" | "group_id" => Ok(GeneratedField::GroupId),
                            "Type" | "type" => Ok(GeneratedField::Type),
                            "From_Account" | "from_account" => Ok(GeneratedField::FromAccount),
                            "Operator_Account" | "operator_account" => Ok(GeneratedField::OperatorAccount),
                            "Random" | "random" => Ok(GeneratedField::Random),
                            "OnlineOnlyFlag" | "online_only_flag" => Ok(GeneratedField::OnlineOnlyFlag),
                            "MsgBody" | "msg_body" => Ok(GeneratedField::MsgBody),
                            "CloudCustomData" | "cloud_custom_data" => Ok(GeneratedField::CloudCustomData),
                            "TopicId" | "topic_id" => Ok(GeneratedField::TopicId),
                            "MsgSeq" | "msg_seq" => Ok(GeneratedField::MsgSeq),
                            "MsgTime" | "msg_time" => Ok(GeneratedField::MsgTime),
                            "GroupAtInfo" | "group_at_info" => Ok(GeneratedField::GroupAtInfo),
                            "MsgId" | "msg_id" => Ok(GeneratedField::MsgId),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = GroupAfterSendMsg;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.GroupAfterSendMsg")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<GroupAfterSendMsg, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut group_id__ = None;
                let mut r#type__ = None;
                let mut from_account__ = None;
                let mut operator_account__ = None;
                let mut random__ = None;
                let mut online_only_flag__ = None;
                let mut msg_body__ = None;
                let mut cloud_custom_data__ = None;
                let mut topic_id__ = None;
                let mut msg_seq__ = None;
                let mut msg_time__ = None;
                let mut group_at_info__ = None;
                let mut msg_id__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::GroupId => {
                            if group_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("GroupId"));
                            }
                            group_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Type => {
                            if r#type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Type"));
                            }
                            r#type__ = Some(map_.next_value()?);
                        }
                        GeneratedField::FromAccount => {
                            if from_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("From_Account"));
                            }
                            from_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::OperatorAccount => {
                            if operator_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Operator_Account"));
                            }
                            operator_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Random => {
                            if random__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Random"));
                            }
                            random__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::OnlineOnlyFlag => {
                            if online_only_flag__.is_some() {
                                return Err(serde::de::Error::duplicate_field("OnlineOnlyFlag"));
                            }
                            online_only_flag__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::MsgBody => {
                            if msg_body__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgBody"));
                            }
                            msg_body__ = Some(map_.next_value()?);
                        }
                        GeneratedField::CloudCustomData => {
                            if cloud_custom_data__.is_some() {
                                return Err(serde::de::Error::duplicate_field("CloudCustomData"));
                            }
                            cloud_custom_data__ = Some(map_.next_value()?);
                        }
                        GeneratedField::TopicId => {
                            if topic_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("TopicId"));
                            }
                            topic_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::MsgSeq => {
                            if msg_seq__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgSeq"));
                            }
                            msg_seq__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::MsgTime => {
                            if msg_time__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgTime"));
                            }
                            msg_time__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::GroupAtInfo => {
                            if group_at_info__.is_some() {
                                return Err(serde::de::Error::duplicate_field("GroupAtInfo"));
                            }
                            group_at_info__ = Some(map_.next_value()?);
                        }
                        GeneratedField::MsgId => {
                            if msg_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgId"));
                            }
                            msg_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(GroupAfterSendMsg {
                    group_id: group_id__.unwrap_or_default(),
                    r#type: r#type__.unwrap_or_default(),
                    from_account: from_account__.unwrap_or_default(),
                    operator_account: operator_account__.unwrap_or_default(),
                    random: random__.unwrap_or_default(),
                    online_only_flag: online_only_flag__.unwrap_or_default(),
                    msg_body: msg_body__.unwrap_or_default(),
                    cloud_custom_data: cloud_custom_data__.unwrap_or_default(),
                    topic_id: topic_id__.unwrap_or_default(),
                    msg_seq: msg_seq__.unwrap_or_default(),
                    msg_time: msg_time__.unwrap_or_default(),
                    group_at_info: group_at_info__.unwrap_or_default(),
                    msg_id: msg_id__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.GroupAfterSendMsg", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GroupAtInfo {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.group_at_all_flag != 0 {
            len += 1;
        }
        if !self.group_at_account.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.GroupAtInfo", len)?;
        if self.group_at_all_flag != 0 {
            struct_ser.serialize_field("GroupAtAllFlag", &self.group_at_all_flag)?;
        }
        if !self.group_at_account.is_empty() {
            struct_ser.serialize_field("GroupAt_Account", &self.group_at_account)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for GroupAtInfo {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "group_at_all_flag",
            "GroupAtAllFlag",
            "group_at_account",
            "GroupAt_Account",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            GroupAtAllFlag,
            GroupAtAccount,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "GroupAtAllFlag" | "group_at_all_flag" => Ok(GeneratedField::GroupAtAllFlag),
                            "GroupAt_Account" | "group_at_account" => Ok(GeneratedField::GroupAtAccount),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = GroupAtInfo;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.GroupAtInfo")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<GroupAtInfo, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut group_at_all_flag__ = None;
                let mut group_at_account__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::GroupAtAllFlag => {
                            if group_at_all_flag__.is_some() {
                                return Err(serde::de::Error::duplicate_field("GroupAtAllFlag"));
                            }
                            group_at_all_flag__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::GroupAtAccount => {
                            if group_at_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("GroupAt_Account"));
                            }
                            group_at_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(GroupAtInfo {
                    group_at_all_flag: group_at_all_flag__.unwrap_or_default(),
                    group_at_account: group_at_account__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.GroupAtInfo", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GroupAttr {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.key.is_empty() {
            len += 1;
        }
        if !self.value.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.GroupAttr", len)?;
        if !self.key.is_empty() {
            struct_ser.serialize_field("key", &self.key)?;
        }
        if !self.value.is_empty() {
            struct_ser.serialize_field("value", &self.value)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for GroupAttr {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "key",
            "value",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Key,
            Value,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "key" => Ok(GeneratedField::Key),
                            "value" => Ok(GeneratedField::Value),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = GroupAttr;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.GroupAttr")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<GroupAttr, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut key__ = None;
                let mut value__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Key => {
                            if key__.is_some() {
                                return Err(serde::de::Error::duplicate_field("key"));
                            }
                            key__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Value => {
                            if value__.is_some() {
                                return Err(serde::de::Error::duplicate_field("value"));
                            }
                            value__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(GroupAttr {
                    key: key__.unwrap_or_default(),
                    value: value__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.GroupAttr", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GroupAttrChanged {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.group_id.is_empty() {
            len += 1;
        }
        if !self.r#type.is_empty() {
            len += 1;
        }
        if !self.operator_account.is_empty() {
            len += 1;
        }
        if !self.option_type.is_empty() {
            len += 1;
        }
        if !self.group_attr.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.GroupAttrChanged", len)?;
        if !self.group_id.is_empty() {
            struct_ser.serialize_field("GroupId", &self.group_id)?;
        }
        if !self.r#type.is_empty() {
            struct_ser.serialize_field("Type", &self.r#type)?;
        }
        if !self.operator_account.is_empty() {
            struct_ser.serialize_field("Operator_Account", &self.operator_account)?;
        }
        if !self.option_type.is_empty() {
            struct_ser.serialize_field("OptionType", &self.option_type)?;
        }
        if !self.group_attr.is_empty() {
            struct_ser.serialize_field("GroupAttr", &self.group_attr)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for GroupAttrChanged {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "group_id",
            "GroupId",
            "type",
            "Type",
            "operator_account",
            "Operator_Account",
            "option_type",
            "OptionType",
            "group_attr",
            "GroupAttr",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            GroupId,
            Type,
            OperatorAccount,
            OptionType,
            GroupAttr,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "GroupId" | "group_id" => Ok(GeneratedField::GroupId),
                            "Type" | "type" => Ok(GeneratedField::Type),
                            "Operator_Account" | "operator_account" => Ok(GeneratedField::OperatorAccount),
                            "OptionType" | "option_type" => Ok(GeneratedField::OptionType),
                            "GroupAttr" | "group_attr" => Ok(GeneratedField::GroupAttr),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = GroupAttrChanged;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.GroupAttrChanged")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<GroupAttrChanged, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut group_id__ = None;
                let mut r#type__ = None;
                let mut operator_account__ = None;
                let mut option_type__ = None;
                let mut group_attr__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::GroupId => {
                            if group_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("GroupId"));
                            }
                            group_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Type => {
                            if r#type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Type"));
                            }
                            r#type__ = Some(map_.next_value()?);
                        }
                        GeneratedField::OperatorAccount => {
                            if operator_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Operator_Account"));
                            }
                            operator_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::OptionType => {
                            if option_type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("OptionType"));
                            }
                            option_type__ = Some(map_.next_value()?);
                        }
                        GeneratedField::GroupAttr => {
                            if group_attr__.is_some() {
                                return Err(serde::de::Error::duplicate_field("GroupAttr"));
                            }
                            group_attr__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(GroupAttrChanged {
                    group_id: group_id__.unwrap_or_default(),
                    r#type: r#type__.unwrap_or_default(),
                    operator_account: operator_account__.unwrap_or_default(),
                    option_type: option_type__.unwrap_or_default(),
                    group_attr: group_attr__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.GroupAttrChanged", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GroupBeforeApplyJoin {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.group_id.is_empty() {
            len += 1;
        }
        if !self.r#type.is_empty() {
            len += 1;
        }
        if !self.requestor_account.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.GroupBeforeApplyJoin", len)?;
        if !self.group_id.is_empty() {
            struct_ser.serialize_field("GroupId", &self.group_id)?;
        }
        if !self.r#type.is_empty() {
            struct_ser.serialize_field("Type", &self.r#type)?;
        }
        if !self.requestor_account.is_empty() {
            struct_ser.serialize_field("Requestor_Account", &self.requestor_account)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for GroupBeforeApplyJoin {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "group_id",
            "GroupId",
            "type",
            "Type",
            "requestor_account",
            "Requestor_Account",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            GroupId,
            Type,
            RequestorAccount,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "GroupId" | "group_id" => Ok(GeneratedField::GroupId),
                            "Type" | "type" => Ok(GeneratedField::Type),
                            "Requestor_Account" | "requestor_account" => Ok(GeneratedField::RequestorAccount),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = GroupBeforeApplyJoin;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.GroupBeforeApplyJoin")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<GroupBeforeApplyJoin, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut group_id__ = None;
                let mut r#type__ = None;
                let mut requestor_account__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::GroupId => {
                            if group_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("GroupId"));
                            }
                            group_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Type => {
                            if r#type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Type"));
                            }
                            r#type__ = Some(map_.next_value()?);
                        }
                        GeneratedField::RequestorAccount => {
                            if requestor_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Requestor_Account"));
                            }
                            requestor_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(GroupBeforeApplyJoin {
                    group_id: group_id__.unwrap_or_default(),
                    r#type: r#type__.unwrap_or_default(),
                    requestor_account: requestor_account__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.GroupBeforeApplyJoin", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GroupBeforeCreate {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.operator_account.is_empty() {
            len += 1;
        }
        if !self.owner_account.is_empty() {
            len += 1;
        }
        if !self.r#type.is_empty() {
            len += 1;
        }
        if !self.name.is_empty() {
            len += 1;
        }
        if self.create_group_num != 0 {
            len += 1;
        }
        if self.created_group_num.is_some() {
            len += 1;
        }
        if !self.invite_option.is_empty() {
            len += 1;
        }
        if !self.member_list.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.GroupBeforeCreate", len)?;
        if !self.operator_account.is_empty() {
            struct_ser.serialize_field("Operator_Account", &self.operator_account)?;
        }
        if !self.owner_account.is_empty() {
            struct_ser.serialize_field("Owner_Account", &self.owner_account)?;
        }
        if !self.r#type.is_empty() {
            struct_ser.serialize_field("Type", &self.r#type)?;
        }
        if !self.name.is_empty() {
            struct_ser.serialize_field("Name", &self.name)?;
        }
        if self.create_group_num != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("CreateGroupNum", ToString::to_string(&self.create_group_num).as_str())?;
        }
        if let Some(v) = self.created_group_num.as_ref() {
            struct_ser.serialize_field("CreatedGroupNum", v)?;
        }
        if !self.invite_option.is_empty() {
            struct_ser.serialize_field("InviteOption", &self.invite_option)?;
        }
        if !self.member_list.is_empty() {
            struct_ser.serialize_field("MemberList", &self.member_list)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for GroupBeforeCreate {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "operator_account",
            "Operator_Account",
            "owner_account",
            "Owner_Account",
            "type",
            "Type",
            "name",
            "Name",
            "create_group_num",
            "CreateGroupNum",
            "created_group_num",
            "CreatedGroupNum",
            "invite_option",
            "InviteOption",
            "member_list",
            "MemberList",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            OperatorAccount,
            OwnerAccount,
            Type,
            Name,
            CreateGroupNum,
            CreatedGroupNum,
            InviteOption,
            MemberList,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "Operator_Account" | "operator_account" => Ok(GeneratedField::OperatorAccount),
                            "Owner_Account" | "owner_account" => Ok(GeneratedField::OwnerAccount),
                            "Type" | "type" => Ok(GeneratedField::Type),
                            "Name" | "name" => Ok(GeneratedField::Name),
                            "CreateGroupNum" | "create_group_num" => Ok(GeneratedField::CreateGroupNum),
                            "CreatedGroupNum" | "created_group_num" => Ok(GeneratedField::CreatedGroupNum),
                            "InviteOption" | "invite_option" => Ok(GeneratedField::InviteOption),
                            "MemberList" | "member_list" => Ok(GeneratedField::MemberList),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = GroupBeforeCreate;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.GroupBeforeCreate")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<GroupBeforeCreate, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut operator_account__ = None;
                let mut owner_account__ = None;
                let mut r#type__ = None;
                let mut name__ = None;
                let mut create_group_num__ = None;
                let mut created_group_num__ = None;
                let mut invite_option__ = None;
                let mut member_list__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::OperatorAccount => {
                            if operator_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Operator_Account"));
                            }
                            operator_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::OwnerAccount => {
                            if owner_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Owner_Account"));
                            }
                            owner_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Type => {
                            if r#type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Type"));
                            }
                            r#type__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Name => {
                            if name__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Name"));
                            }
                            name__ = Some(map_.next_value()?);
                        }
                        GeneratedField::CreateGroupNum => {
                            if create_group_num__.is_some() {
                                return Err(serde::de::Error::duplicate_field("CreateGroupNum"));
                            }
                            create_group_num__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::CreatedGroupNum => {
                            if created_group_num__.is_some() {
                                return Err(serde::de::Error::duplicate_field("CreatedGroupNum"));
                            }
                            created_group_num__ = map_.next_value()?;
                        }
                        GeneratedField::InviteOption => {
                            if invite_option__.is_some() {
                                return Err(serde::de::Error::duplicate_field("InviteOption"));
                            }
                            invite_option__ = Some(map_.next_value()?);
                        }
                        GeneratedField::MemberList => {
                            if member_list__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MemberList"));
                            }
                            member_list__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(GroupBeforeCreate {
                    operator_account: operator_account__.unwrap_or_default(),
                    owner_account: owner_account__.unwrap_or_default(),
                    r#type: r#type__.unwrap_or_default(),
                    name: name__.unwrap_or_default(),
                    create_group_num: create_group_num__.unwrap_or_default(),
                    created_group_num: created_group_num__,
                    invite_option: invite_option__.unwrap_or_default(),
                    member_list: member_list__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.GroupBeforeCreate", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GroupBeforeInviteJoin {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.group_id.is_empty() {
            len += 1;
        }
        if !self.r#type.is_empty() {
            len += 1;
        }
        if !self.operator_account.is_empty() {
            len += 1;
        }
        if !self.destination_members.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.GroupBeforeInviteJoin", len)?;
        if !self.group_id.is_empty() {
            struct_ser.serialize_field("GroupId", &self.group_id)?;
        }
        if !self.r#type.is_empty() {
            struct_ser.serialize_field("Type", &self.r#type)?;
        }
        if !self.operator_account.is_empty() {
            struct_ser.serialize_field("Operator_Account", &self.operator_account)?;
        }
        if !self.destination_members.is_empty() {
            struct_ser.serialize_field("DestinationMembers", &self.destination_members)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for GroupBeforeInviteJoin {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "group_id",
            "GroupId",
            "type",
            "Type",
            "operator_account",
            "Operator_Account",
            "destination_members",
            "DestinationMembers",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            GroupId,
            Type,
            OperatorAccount,
            DestinationMembers,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "GroupId" | "group_id" => Ok(GeneratedField::GroupId),
                            "Type" | "type" => Ok(GeneratedField::Type),
                            "Operator_Account" | "operator_account" => Ok(GeneratedField::OperatorAccount),
                            "DestinationMembers" | "destination_members" => Ok(GeneratedField::DestinationMembers),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = GroupBeforeInviteJoin;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.GroupBeforeInviteJoin")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<GroupBeforeInviteJoin, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut group_id__ = None;
                let mut r#type__ = None;
                let mut operator_account__ = None;
                let mut destination_members__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::GroupId => {
                            if group_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("GroupId"));
                            }
                            group_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Type => {
                            if r#type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Type"));
                            }
                            r#type__ = Some(map_.next_value()?);
                        }
                        GeneratedField::OperatorAccount => {
                            if operator_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Operator_Account"));
                            }
                            operator_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::DestinationMembers => {
                            if destination_members__.is_some() {
                                return Err(serde::de::Error::duplicate_field("DestinationMembers"));
                            }
                            destination_members__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(GroupBeforeInviteJoin {
                    group_id: group_id__.unwrap_or_default(),
                    r#type: r#type__.unwrap_or_default(),
                    operator_account: operator_account__.unwrap_or_default(),
                    destination_members: destination_members__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.GroupBeforeInviteJoin", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GroupBeforeSendMsg {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.group_id.is_empty() {
            len += 1;
        }
        if !self.r#type.is_empty() {
            len += 1;
        }
        if !self.from_account.is_empty() {
            len += 1;
        }
        if !self.operator_account.is_empty() {
            len += 1;
        }
        if self.random != 0 {
            len += 1;
        }
        if self.online_only_flag != 0 {
            len += 1;
        }
        if !self.msg_body.is_empty() {
            len += 1;
        }
        if !self.cloud_custom_data.is_empty() {
            len += 1;
        }
        if !self.topic_id.is_empty() {
            len += 1;
        }
        if !self.msg_id.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.GroupBeforeSendMsg", len)?;
        if !self.group_id.is_empty() {
            struct_ser.serialize_field("GroupId", &self.group_id)?;
        }
        if !self.r#type.is_empty() {
            struct_ser.serialize_field("Type", &self.r#type)?;
        }
        if !self.from_account.is_empty() {
            struct_ser.serialize_field("From_Account", &self.from_account)?;
        }
        if !self.operator_account.is_empty() {
            struct_ser.serialize_field("Operator_Account", &self.operator_account)?;
        }
        if self.random != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("Random", ToString::to_string(&self.random).as_str())?;
        }
        if self.online_only_flag != 0 {
            struct_ser.serialize_field("OnlineOnlyFlag", &self.online_only_flag)?;
        }
        if !self.msg_body.is_empty() {
            struct_ser.serialize_field("MsgBody", &self.msg_body)?;
        }
        if !self.cloud_custom_data.is_empty() {
            struct_ser.serialize_field("CloudCustomData", &self.cloud_custom_data)?;
        }
        if !self.topic_id.is_empty() {
            struct_ser.serialize_field("TopicId", &self.topic_id)?;
        }
        if !self.msg_id.is_empty() {
            struct_ser.serialize_field("MsgId", &self.msg_id)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for GroupBeforeSendMsg {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "group_id",
            "GroupId",
            "type",
            "Type",
            "from_account",
            "From_Account",
            "operator_account",
            "Operator_Account",
            "random",
            "Random",
            "online_only_flag",
            "OnlineOnlyFlag",
            "msg_body",
            "MsgBody",
            "cloud_custom_data",
            "CloudCustomData",
            "topic_id",
            "TopicId",
            "msg_id",
            "MsgId",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            GroupId,
            Type,
            FromAccount,
            OperatorAccount,
            Random,
            OnlineOnlyFlag,
            MsgBody,
            CloudCustomData,
            TopicId,
            MsgId,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "GroupId" | "group_id" => Ok(GeneratedField::GroupId),
                            "Type" | "type" => Ok(GeneratedField::Type),
                            "From_Account" | "from_account" => Ok(GeneratedField::FromAccount),
                            "Operator_Account" | "operator_account" => Ok(GeneratedField::OperatorAccount),
                            "Random" | "random" => Ok(GeneratedField::Random),
                            "OnlineOnlyFlag" | "online_only_flag" => Ok(GeneratedField::OnlineOnlyFlag),
                            "MsgBody" | "msg_body" => Ok(GeneratedField::MsgBody),
                            "CloudCustomData" | "cloud_custom_data" => Ok(GeneratedField::CloudCustomData),
                            "TopicId" | "topic_id" => Ok(GeneratedField::TopicId),
                            "MsgId" | "msg_id" => Ok(GeneratedField::MsgId),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = GroupBeforeSendMsg;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.GroupBeforeSendMsg")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<GroupBeforeSendMsg, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut group_id__ = None;
                let mut r#type__ = None;
                let mut from_account__ = None;
                let mut operator_account__ = None;
                let mut random__ = None;
                let mut online_only_flag__ = None;
                let mut msg_body__ = None;
                let mut cloud_custom_data__ = None;
                let mut topic_id__ = None;
                let mut msg_id__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::GroupId => {
                            if group_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("GroupId"));
                            }
                            group_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Type => {
                            if r#type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Type"));
                            }
                            r#type__ = Some(map_.next_value()?);
                        }
                        GeneratedField::FromAccount => {
                            if from_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("From_Account"));
                            }
                            from_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::OperatorAccount => {
                            if operator_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Operator_Account"));
                            }
                            operator_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Random => {
                            if random__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Random"));
                            }
                            random__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::OnlineOnlyFlag => {
                            if online_only_flag__.is_some() {
                                return Err(serde::de::Error::duplicate_field("OnlineOnlyFlag"));
                            }
                            online_only_flag__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::MsgBody => {
                            if msg_body__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgBody"));
                            }
                            msg_body__ = Some(map_.next_value()?);
                        }
                        GeneratedField::CloudCustomData => {
                            if cloud_custom_data__.is_some() {
                                return Err(serde::de::Error::duplicate_field("CloudCustomData"));
                            }
                            cloud_custom_data__ = Some(map_.next_value()?);
                        }
                        GeneratedField::TopicId => {
                            if topic_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("TopicId"));
                            }
                            topic_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::MsgId => {
                            if msg_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgId"));
                            }
                            msg_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(GroupBeforeSendMsg {
                    group_id: group_id__.unwrap_or_default(),
                    r#type: r#type__.unwrap_or_default(),
                    from_account: from_account__.unwrap_or_default(),
                    operator_account: operator_account__.unwrap_or_default(),
                    random: random__.unwrap_or_default(),
                    online_only_flag: online_only_flag__.unwrap_or_default(),
                    msg_body: msg_body__.unwrap_or_default(),
                    cloud_custom_data: cloud_custom_data__.unwrap_or_default(),
                    topic_id: topic_id__.unwrap_or_default(),
                    msg_id: msg_id__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.GroupBeforeSendMsg", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GroupChangeOwner {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.group_id.is_empty() {
            len += 1;
        }
        if !self.r#type.is_empty() {
            len += 1;
        }
        if !self.operator_account.is_empty() {
            len += 1;
        }
        if !self.old_owner_account.is_empty() {
            len += 1;
        }
        if !self.new_owner_account.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.GroupChangeOwner", len)?;
        if !self.group_id.is_empty() {
            struct_ser.serialize_field("GroupId", &self.group_id)?;
        }
        if !self.r#type.is_empty() {
            struct_ser.serialize_field("Type", &self.r#type)?;
        }
        if !self.operator_account.is_empty() {
            struct_ser.serialize_field("Operator_Account", &self.operator_account)?;
        }
        if !self.old_owner_account.is_empty() {
            struct_ser.serialize_field("OldOwner_Account", &self.old_owner_account)?;
        }
        if !self.new_owner_account.is_empty() {
            struct_ser.serialize_field("NewOwner_Account", &self.new_owner_account)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for GroupChangeOwner {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "group_id",
            "GroupId",
            "type",
            "Type",
            "operator_account",
            "Operator_Account",
            "old_owner_account",
            "OldOwner_Account",
            "new_owner_account",
            "NewOwner_Account",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            GroupId,
            Type,
            OperatorAccount,
            OldOwnerAccount,
            NewOwnerAccount,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "GroupId" | "group_id" => Ok(GeneratedField::GroupId),
                            "Type" | "type" => Ok(GeneratedField::Type),
                            "Operator_Account" | "operator_account" => Ok(GeneratedField::OperatorAccount),
                            "OldOwner_Account" | "old_owner_account" => Ok(GeneratedField::OldOwnerAccount),
                            "NewOwner_Account" | "new_owner_account" => Ok(GeneratedField::NewOwnerAccount),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = GroupChangeOwner;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.GroupChangeOwner")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<GroupChangeOwner, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut group_id__ = None;
                let mut r#type__ = None;
                let mut operator_account__ = None;
                let mut old_owner_account__ = None;
                let mut new_owner_account__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::GroupId => {
                            if group_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("GroupId"));
                            }
                            group_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Type => {
                            if r#type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Type"));
                            }
                            r#type__ = Some(map_.next_value()?);
                        }
                        GeneratedField::OperatorAccount => {
                            if operator_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Operator_Account"));
                            }
                            operator_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::OldOwnerAccount => {
                            if old_owner_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("OldOwner_Account"));
                            }
                            old_owner_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::NewOwnerAccount => {
                            if new_owner_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("NewOwner_Account"));
                            }
                            new_owner_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(GroupChangeOwner {
                    group_id: group_id__.unwrap_or_default(),
                    r#type: r#type__.unwrap_or_default(),
                    operator_account: operator_account__.unwrap_or_default(),
                    old_owner_account: old_owner_account__.unwrap_or_default(),
                    new_owner_account: new_owner_account__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.GroupChangeOwner", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GroupDailyQuotaAlarm {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.quota_used != 0 {
            len += 1;
        }
        if self.quota != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.GroupDailyQuotaAlarm", len)?;
        if self.quota_used != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("QuotaUsed", ToString::to_string(&self.quota_used).as_str())?;
        }
        if self.quota != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("Quota", ToString::to_string(&self.quota).as_str())?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for GroupDailyQuotaAlarm {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "quota_used",
            "QuotaUsed",
            "quota",
            "Quota",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            QuotaUsed,
            Quota,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "QuotaUsed" | "quota_used" => Ok(GeneratedField::QuotaUsed),
                            "Quota" | "quota" => Ok(GeneratedField::Quota),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = GroupDailyQuotaAlarm;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.GroupDailyQuotaAlarm")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<GroupDailyQuotaAlarm, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut quota_used__ = None;
                let mut quota__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::QuotaUsed => {
                            if quota_used__.is_some() {
                                return Err(serde::de::Error::duplicate_field("QuotaUsed"));
                            }
                            quota_used__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Quota => {
                            if quota__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Quota"));
                            }
                            quota__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(GroupDailyQuotaAlarm {
                    quota_used: quota_used__.unwrap_or_default(),
                    quota: quota__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.GroupDailyQuotaAlarm", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GroupDestroyed {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.group_id.is_empty() {
            len += 1;
        }
        if !self.r#type.is_empty() {
            len += 1;
        }
        if !self.owner_account.is_empty() {
            len += 1;
        }
        if !self.name.is_empty() {
            len += 1;
        }
        if !self.member_list.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.GroupDestroyed", len)?;
        if !self.group_id.is_empty() {
            struct_ser.serialize_field("GroupId", &self.group_id)?;
        }
        if !self.r#type.is_empty() {
            struct_ser.serialize_field("Type", &self.r#type)?;
        }
        if !self.owner_account.is_empty() {
            struct_ser.serialize_field("Owner_Account", &self.owner_account)?;
        }
        if !self.name.is_empty() {
            struct_ser.serialize_field("Name", &self.name)?;
        }
        if !self.member_list.is_empty() {
            struct_ser.serialize_field("MemberList", &self.member_list)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for GroupDestroyed {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "group_id",
            "GroupId",
            "type",
            "Type",
            "owner_account",
            "Owner_Account",
            "name",
            "Name",
            "member_list",
            "MemberList",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            GroupId,
            Type,
            OwnerAccount,
            Name,
            MemberList,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "GroupId" | "group_id" => Ok(GeneratedField::GroupId),
                            "Type" | "type" => Ok(GeneratedField::Type),
                            "Owner_Account" | "owner_account" => Ok(GeneratedField::OwnerAccount),
                            "Name" | "name" => Ok(GeneratedField::Name),
                            "MemberList" | "member_list" => Ok(GeneratedField::MemberList),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = GroupDestroyed;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.GroupDestroyed")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<GroupDestroyed, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut group_id__ = None;
                let mut r#type__ = None;
                let mut owner_account__ = None;
                let mut name__ = None;
                let mut member_list__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::GroupId => {
                            if group_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("GroupId"));
                            }
                            group_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Type => {
                            if r#type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Type"));
                            }
                            r#type__ = Some(map_.next_value()?);
                        }
                        GeneratedField::OwnerAccount => {
                            if owner_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Owner_Account"));
                            }
                            owner_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Name => {
                            if name__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Name"));
                            }
                            name__ = Some(map_.next_value()?);
                        }
                        GeneratedField::MemberList => {
                            if member_list__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MemberList"));
                            }
                            member_list__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(GroupDestroyed {
                    group_id: group_id__.unwrap_or_default(),
                    r#type: r#type__.unwrap_or_default(),
                    owner_account: owner_account__.unwrap_or_default(),
                    name: name__.unwrap_or_default(),
                    member_list: member_list__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.GroupDestroyed", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GroupFull {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.group_id.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.GroupFull", len)?;
        if !self.group_id.is_empty() {
            struct_ser.serialize_field("GroupId", &self.group_id)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for GroupFull {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "group_id",
            "GroupId",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            GroupId,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "GroupId" | "group_id" => Ok(GeneratedField::GroupId),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = GroupFull;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.GroupFull")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<GroupFull, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut group_id__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::GroupId => {
                            if group_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("GroupId"));
                            }
                            group_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(GroupFull {
                    group_id: group_id__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.GroupFull", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GroupInfoChanged {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.group_id.is_empty() {
            len += 1;
        }
        if !self.r#type.is_empty() {
            len += 1;
        }
        if !self.operator_account.is_empty() {
            len += 1;
        }
        if self.name.is_some() {
            len += 1;
        }
        if self.introduction.is_some() {
            len += 1;
        }
        if self.notification.is_some() {
            len += 1;
        }
        if self.face_url.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.GroupInfoChanged", len)?;
        if !self.group_id.is_empty() {
            struct_ser.serialize_field("GroupId", &self.group_id)?;
        }
        if !self.r#type.is_empty() {
            struct_ser.serialize_field("Type", &self.r#type)?;
        }
        if !self.operator_account.is_empty() {
            struct_ser.serialize_field("Operator_Account", &self.operator_account)?;
        }
        if let Some(v) = self.name.as_ref() {
            struct_ser.serialize_field("Name", v)?;
        }
        if let Some(v) = self.introduction.as_ref() {
            struct_ser.serialize_field("Introduction", v)?;
        }
        if let Some(v) = self.notification.as_ref() {
            struct_ser.serialize_field("Notification", v)?;
        }
        if let Some(v) = self.face_url.as_ref() {
            struct_ser.serialize_field("FaceUrl", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for GroupInfoChanged {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "group_id",
            "GroupId",
            "type",
            "Type",
            "operator_account",
            "Operator_Account",
            "name",
            "Name",
            "introduction",
            "Introduction",
            "notification",
            "Notification",
            "face_url",
            "FaceUrl",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            GroupId,
            Type,
            OperatorAccount,
            Name,
            Introduction,
            Notification,
            FaceUrl,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "GroupId" | "group_id" => Ok(GeneratedField::GroupId),
                            "Type" | "type" => Ok(GeneratedField::Type),
                            "Operator_Account" | "operator_account" => Ok(GeneratedField::OperatorAccount),
                            "Name" | "name" => Ok(GeneratedField::Name),
                            "Introduction" | "introduction" => Ok(GeneratedField::Introduction),
                            "Notification" | "notification" => Ok(GeneratedField::Notification),
                            "FaceUrl" | "face_url" => Ok(GeneratedField::FaceUrl),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = GroupInfoChanged;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.GroupInfoChanged")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<GroupInfoChanged, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut group_id__ = None;
                let mut r#type__ = None;
                let mut operator_account__ = None;
                let mut name__ = None;
                let mut introduction__ = None;
                let mut notification__ = None;
                let mut face_url__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::GroupId => {
                            if group_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("GroupId"));
                            }
                            group_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Type => {
                            if r#type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Type"));
                            }
                            r#type__ = Some(map_.next_value()?);
                        }
                        GeneratedField::OperatorAccount => {
                            if operator_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Operator_Account"));
                            }
                            operator_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Name => {
                            if name__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Name"));
                            }
                            name__ = map_.next_value()?;
                        }
                        GeneratedField::Introduction => {
                            if introduction__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Introduction"));
                            }
                            introduction__ = map_.next_value()?;
                        }
                        GeneratedField::Notification => {
                            if notification__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Notification"));
                            }
                            notification__ = map_.next_value()?;
                        }
                        GeneratedField::FaceUrl => {
                            if face_url__.is_some() {
                                return Err(serde::de::Error::duplicate_field("FaceUrl"));
                            }
                            face_url__ = map_.next_value()?;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(GroupInfoChanged {
                    group_id: group_id__.unwrap_or_default(),
                    r#type: r#type__.unwrap_or_default(),
                    operator_account: operator_account__.unwrap_or_default(),
                    name: name__,
                    introduction: introduction__,
                    notification: notification__,
                    face_url: face_url__,
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.GroupInfoChanged", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GroupMember {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.member_account.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.GroupMember", len)?;
        if !self.member_account.is_empty() {
            struct_ser.serialize_field("Member_Account", &self.member_account)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for GroupMember {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "member_account",
            "Member_Account",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            MemberAccount,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "Member_Account" | "member_account" => Ok(GeneratedField::MemberAccount),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = GroupMember;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.GroupMember")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<GroupMember, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut member_account__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::MemberAccount => {
                            if member_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Member_Account"));
                            }
                            member_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(GroupMember {
                    member_account: member_account__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.GroupMember", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GroupMemberFieldChanged {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.group_id.is_empty() {
            len += 1;
        }
        if !self.r#type.is_empty() {
            len += 1;
        }
        if !self.operator_account.is_empty() {
            len += 1;
        }
        if !self.modified_account.is_empty() {
            len += 1;
        }
        if self.role.is_some() {
            len += 1;
        }
        if self.name_card.is_some() {
            len += 1;
        }
        if !self.member_account.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.GroupMemberFieldChanged", len)?;
        if !self.group_id.is_empty() {
            struct_ser.serialize_field("GroupId", &self.group_id)?;
        }
        if !self.r#type.is_empty() {
            struct_ser.serialize_field("Type", &self.r#type)?;
        }
        if !self.operator_account.is_empty() {
            struct_ser.serialize_field("Operator_Account", &self.operator_account)?;
        }
        if !self.modified_account.is_empty() {
            struct_ser.serialize_field("Modified_Account", &self.modified_account)?;
        }
        if let Some(v) = self.role.as_ref() {
            struct_ser.serialize_field("Role", v)?;
        }
        if let Some(v) = self.name_card.as_ref() {
            struct_ser.serialize_field("NameCard", v)?;
        }
        if !self.member_account.is_empty() {
            struct_ser.serialize_field("Member_Account", &self.member_account)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for GroupMemberFieldChanged {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "group_id",
            "GroupId",
            "type",
            "Type",
            "operator_account",
            "Operator_Account",
            "modified_account",
            "Modified_Account",
            "role",
            "Role",
            "name_card",
            "NameCard",
            "member_account",
            "Member_Account",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            GroupId,
            Type,
            OperatorAccount,
            ModifiedAccount,
            Role,
            NameCard,
            MemberAccount,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "GroupId" | "group_id" => Ok(GeneratedField::GroupId),
                            "Type" | "type" => Ok(GeneratedField::Type),
                            "Operator_Account" | "operator_account" => Ok(GeneratedField::OperatorAccount),
                            "Modified_Account" | "modified_account" => Ok(GeneratedField::ModifiedAccount),
                            "Role" | "role" => Ok(GeneratedField::Role),
                            "NameCard" | "name_card" => Ok(GeneratedField::NameCard),
                            "Member_Account" | "member_account" => Ok(GeneratedField::MemberAccount),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = GroupMemberFieldChanged;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.GroupMemberFieldChanged")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<GroupMemberFieldChanged, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut group_id__ = None;
                let mut r#type__ = None;
                let mut operator_account__ = None;
                let mut modified_account__ = None;
                let mut role__ = None;
                let mut name_card__ = None;
                let mut member_account__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::GroupId => {
                            if group_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("GroupId"));
                            }
                            group_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Type => {
                            if r#type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Type"));
                            }
                            r#type__ = Some(map_.next_value()?);
                        }
                        GeneratedField::OperatorAccount => {
                            if operator_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Operator_Account"));
                            }
                            operator_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::ModifiedAccount => {
                            if modified_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Modified_Account"));
                            }
                            modified_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Role => {
                            if role__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Role"));
                            }
                            role__ = map_.next_value()?;
                        }
                        GeneratedField::NameCard => {
                            if name_card__.is_some() {
                                return Err(serde::de::Error::duplicate_field("NameCard"));
                            }
                            name_card__ = map_.next_value()?;
                        }
                        GeneratedField::MemberAccount => {
                            if member_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Member_Account"));
                            }
                            member_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(GroupMemberFieldChanged {
                    group_id: group_id__.unwrap_or_default(),
                    r#type: r#type__.unwrap_or_default(),
                    operator_account: operator_account__.unwrap_or_default(),
                    modified_account: modified_account__.unwrap_or_default(),
                    role: role__,
                    name_card: name_card__,
                    member_account: member_account__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.GroupMemberFieldChanged", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GroupMemberStateChange {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.group_id.is_empty() {
            len += 1;
        }
        if !self.r#type.is_empty() {
            len += 1;
        }
        if !self.event_type.is_empty() {
            len += 1;
        }
        if !self.member_list.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.GroupMemberStateChange", len)?;
        if !self.group_id.is_empty() {
            struct_ser.serialize_field("GroupId", &self.group_id)?;
        }
        if !self.r#type.is_empty() {
            struct_ser.serialize_field("Type", &self.r#type)?;
        }
        if !self.event_type.is_empty() {
            struct_ser.serialize_field("EventType", &self.event_type)?;
        }
        if !self.member_list.is_empty() {
            struct_ser.serialize_field("MemberList", &self.member_list)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for GroupMemberStateChange {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "group_id",
            "GroupId",
            "type",
            "Type",
            "event_type",
            "EventType",
            "member_list",
            "MemberList",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            GroupId,
            Type,
            EventType,
            MemberList,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "GroupId" | "group_id" => Ok(GeneratedField::GroupId),
                            "Type" | "type" => Ok(GeneratedField::Type),
                            "EventType" | "event_type" => Ok(GeneratedField::EventType),
                            "MemberList" | "member_list" => Ok(GeneratedField::MemberList),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = GroupMemberStateChange;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.GroupMemberStateChange")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<GroupMemberStateChange, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut group_id__ = None;
                let mut r#type__ = None;
                let mut event_type__ = None;
                let mut member_list__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::GroupId => {
                            if group_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("GroupId"));
                            }
                            group_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Type => {
                            if r#type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Type"));
                            }
                            r#type__ = Some(map_.next_value()?);
                        }
                        GeneratedField::EventType => {
                            if event_type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("EventType"));
                            }
                            event_type__ = Some(map_.next_value()?);
                        }
                        GeneratedField::MemberList => {
                            if member_list__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MemberList"));
                            }
                            member_list__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(GroupMemberStateChange {
                    group_id: group_id__.unwrap_or_default(),
                    r#type: r#type__.unwrap_or_default(),
                    event_type: event_type__.unwrap_or_default(),
                    member_list: member_list__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.GroupMemberStateChange", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GroupMsgReceipt {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.msg_seq != 0 {
            len += 1;
        }
        if self.read_num != 0 {
            len += 1;
        }
        if self.unread_num != 0 {
            len += 1;
        }
        if !self.read_receipt_members.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.GroupMsgReceipt", len)?;
        if self.msg_seq != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("MsgSeq", ToString::to_string(&self.msg_seq).as_str())?;
        }
        if self.read_num != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("ReadNum", ToString::to_string(&self.read_num).as_str())?;
        }
        if self.unread_num != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("UnreadNum", ToString::to_string(&self.unread_num).as_str())?;
        }
        if !self.read_receipt_members.is_empty() {
            struct_ser.serialize_field("ReadReceiptMembers", &self.read_receipt_members)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for GroupMsgReceipt {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "msg_seq",
            "MsgSeq",
            "read_num",
            "ReadNum",
            "unread_num",
            "UnreadNum",
            "read_receipt_members",
            "ReadReceiptMembers",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            MsgSeq,
            ReadNum,
            UnreadNum,
            ReadReceiptMembers,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "MsgSeq" | "msg_seq" => Ok(GeneratedField::MsgSeq),
                            "ReadNum" | "read_num" => Ok(GeneratedField::ReadNum),
                            "UnreadNum" | "unread_num" => Ok(GeneratedField::UnreadNum),
                            "ReadReceiptMembers" | "read_receipt_members" => Ok(GeneratedField::ReadReceiptMembers),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = GroupMsgReceipt;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.GroupMsgReceipt")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<GroupMsgReceipt, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut msg_seq__ = None;
                let mut read_num__ = None;
                let mut unread_num__ = None;
                let mut read_receipt_members__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::MsgSeq => {
                            if msg_seq__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgSeq"));
                            }
                            msg_seq__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::ReadNum => {
                            if read_num__.is_some() {
                                return Err(serde::de::Error::duplicate_field("ReadNum"));
                            }
                            read_num__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::UnreadNum => {
                            if unread_num__.is_some() {
                                return Err(serde::de::Error::duplicate_field("UnreadNum"));
                            }
                            unread_num__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::ReadReceiptMembers => {
                            if read_receipt_members__.is_some() {
                                return Err(serde::de::Error::duplicate_field("ReadReceiptMembers"));
                            }
                            read_receipt_members__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(GroupMsgReceipt {
                    msg_seq: msg_seq__.unwrap_or_default(),
                    read_num: read_num__.unwrap_or_default(),
                    unread_num: unread_num__.unwrap_or_default(),
                    read_receipt_members: read_receipt_members__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.GroupMsgReceipt", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for GroupSendMsgException {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.group_id.is_empty() {
            len += 1;
        }
        if !self.r#type.is_empty() {
            len += 1;
        }
        if !self.from_account.is_empty() {
            len += 1;
        }
        if !self.operator_account.is_empty() {
            len += 1;
        }
        if self.random != 0 {
            len += 1;
        }
        if self.online_only_flag != 0 {
            len += 1;
        }
        if !self.msg_body.is_empty() {
            len += 1;
        }
        if !self.cloud_custom_data.is_empty() {
            len += 1;
        }
        if self.error_code != 0 {
            len += 1;
        }
        if !self.error_info.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.GroupSendMsgException", len)?;
        if !self.group_id.is_empty() {
            struct_ser.serialize_field("GroupId", &self.group_id)?;
        }
        if !self.r#type.is_empty() {
            struct_ser.serialize_field("Type", &self.r#type)?;
        }
        if !self.from_account.is_empty() {
            struct_ser.serialize_field("From_Account", &self.from_account)?;
        }
        if !self.operator_account.is_empty() {
            struct_ser.serialize_field("Operator_Account", &self.operator_account)?;
        }
        if self.random != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("Random", ToString::to_string(&self.random).as_str())?;
        }
        if self.online_only_flag != 0 {
            struct_ser.serialize_field("OnlineOnlyFlag", &self.online_only_flag)?;
        }
        if !self.msg_body.is_empty() {
            struct_ser.serialize_field("MsgBody", &self.msg_body)?;
        }
        if !self.cloud_custom_data.is_empty() {
            struct_ser.serialize_field("CloudCustomData", &self.cloud_custom_data)?;
        }
        if self.error_code != 0 {
            struct_ser.serialize_field("ErrorCode", &self.error_code)?;
        }
        if !self.error_info.is_empty() {
            struct_ser.serialize_field("ErrorInfo", &self.error_info)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for GroupSendMsgException {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "group_id",
            "GroupId",
            "type",
            "Type",
            "from_account",
            "From_Account",
            "operator_account",
            "Operator_Account",
            "random",
            "Random",
            "online_only_flag",
            "OnlineOnlyFlag",
            "msg_body",
            "MsgBody",
            "cloud_custom_data",
            "CloudCustomData",
            "error_code",
            "ErrorCode",
            "error_info",
            "ErrorInfo",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            GroupId,
            Type,
            FromAccount,
            OperatorAccount,
            Random,
            OnlineOnlyFlag,
            MsgBody,
            CloudCustomData,
            ErrorCode,
            ErrorInfo,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "GroupId" | "group_id" => Ok(GeneratedField::GroupId),
                            "Type" | "type" => Ok(GeneratedField::Type),
                            "From_Account" | "from_account" => Ok(GeneratedField::FromAccount),
                            "Operator_Account" | "operator_account" => Ok(GeneratedField::OperatorAccount),
                            "Random" | "random" => Ok(GeneratedField::Random),
                            "OnlineOnlyFlag" | "online_only_flag" => Ok(GeneratedField::OnlineOnlyFlag),
                            "MsgBody" | "msg_body" => Ok(GeneratedField::MsgBody),
                            "CloudCustomData" | "cloud_custom_data" => Ok(GeneratedField::CloudCustomData),
                            "ErrorCode" | "error_code" => Ok(GeneratedField::ErrorCode),
                            "ErrorInfo" | "error_info" => Ok(GeneratedField::ErrorInfo),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = GroupSendMsgException;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.GroupSendMsgException")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<GroupSendMsgException, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut group_id__ = None;
                let mut r#type__ = None;
                let mut from_account__ = None;
                let mut operator_account__ = None;
                let mut random__ = None;
                let mut online_only_flag__ = None;
                let mut msg_body__ = None;
                let mut cloud_custom_data__ = None;
                let mut error_code__ = None;
                let mut error_info__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::GroupId => {
                            if group_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("GroupId"));
                            }
                            group_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Type => {
                            if r#type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Type"));
                            }
                            r#type__ = Some(map_.next_value()?);
                        }
                        GeneratedField::FromAccount => {
                            if from_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("From_Account"));
                            }
                            from_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::OperatorAccount => {
                            if operator_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Operator_Account"));
                            }
                            operator_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Random => {
                            if random__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Random"));
                            }
                            random__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::OnlineOnlyFlag => {
                            if online_only_flag__.is_some() {
                                return Err(serde::de::Error::duplicate_field("OnlineOnlyFlag"));
                            }
                            online_only_flag__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::MsgBody => {
                            if msg_body__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgBody"));
                            }
                            msg_body__ = Some(map_.next_value()?);
                        }
                        GeneratedField::CloudCustomData => {
                            if cloud_custom_data__.is_some() {
                                return Err(serde::de::Error::duplicate_field("CloudCustomData"));
                            }
                            cloud_custom_data__ = Some(map_.next_value()?);
                        }
                        GeneratedField::ErrorCode => {
                            if error_code__.is_some() {
                                return Err(serde::de::Error::duplicate_field("ErrorCode"));
                            }
                            error_code__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::ErrorInfo => {
                            if error_info__.is_some() {
                                return Err(serde::de::Error::duplicate_field("ErrorInfo"));
                            }
                            error_info__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(GroupSendMsgException {
                    group_id: group_id__.unwrap_or_default(),
                    r#type: r#type__.unwrap_or_default(),
                    from_account: from_account__.unwrap_or_default(),
                    operator_account: operator_account__.unwrap_or_default(),
                    random: random__.unwrap_or_default(),
                    online_only_flag: online_only_flag__.unwrap_or_default(),
                    msg_body: msg_body__.unwrap_or_default(),
                    cloud_custom_data: cloud_custom_data__.unwrap_or_default(),
                    error_code: error_code__.unwrap_or_default(),
                    error_info: error_info__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.GroupSendMsgException", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for Heartbeat {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.cursor.is_empty() {
            len += 1;
        }
        if self.unmatched_events != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.Heartbeat", len)?;
        if !self.cursor.is_empty() {
            struct_ser.serialize_field("cursor", &self.cursor)?;
        }
        if self.unmatched_events != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("unmatchedEvents", ToString::to_string(&self.unmatched_events).as_str())?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for Heartbeat {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "cursor",
            "unmatched_events",
            "unmatchedEvents",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Cursor,
            UnmatchedEvents,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "cursor" => Ok(GeneratedField::Cursor),
                            "unmatchedEvents" | "unmatched_events" => Ok(GeneratedField::UnmatchedEvents),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = Heartbeat;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.Heartbeat")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<Heartbeat, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut cursor__ = None;
                let mut unmatched_events__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Cursor => {
                            if cursor__.is_some() {
                                return Err(serde::de::Error::duplicate_field("cursor"));
                            }
                            cursor__ = Some(map_.next_value()?);
                        }
                        GeneratedField::UnmatchedEvents => {
                            if unmatched_events__.is_some() {
                                return Err(serde::de::Error::duplicate_field("unmatchedEvents"));
                            }
                            unmatched_events__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(Heartbeat {
                    cursor: cursor__.unwrap_or_default(),
                    unmatched_events: unmatched_events__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.Heartbeat", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for KickedDevice {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.platform.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.KickedDevice", len)?;
        if !self.platform.is_empty() {
            struct_ser.serialize_field("Platform", &self.platform)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for KickedDevice {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "platform",
            "Platform",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Platform,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "Platform" | "platform" => Ok(GeneratedField::Platform),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = KickedDevice;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.KickedDevice")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<KickedDevice, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut platform__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Platform => {
                            if platform__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Platform"));
                            }
                            platform__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(KickedDevice {
                    platform: platform__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.KickedDevice", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for LaneSelector {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.count != 0 {
            len += 1;
        }
        if self.index != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.LaneSelector", len)?;
        if self.count != 0 {
            struct_ser.serialize_field("count", &self.count)?;
        }
        if self.index != 0 {
            struct_ser.serialize_field("index", &self.index)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for LaneSelector {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "count",
            "index",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Count,
            Index,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "count" => Ok(GeneratedField::Count),
                            "index" => Ok(GeneratedField::Index),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = LaneSelector;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.LaneSelector")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<LaneSelector, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut count__ = None;
                let mut index__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Count => {
                            if count__.is_some() {
                                return Err(serde::de::Error::duplicate_field("count"));
                            }
                            count__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Index => {
                            if index__.is_some() {
                                return Err(serde::de::Error::duplicate_field("index"));
                            }
                            index__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(LaneSelector {
                    count: count__.unwrap_or_default(),
                    index: index__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.LaneSelector", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for ListEventsRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.filter.is_some() {
            len += 1;
        }
        if self.page_size != 0 {
            len += 1;
        }
        if !self.page_token.is_empty() {
            len += 1;
        }
        if self.include_raw_body {
            len += 1;
        }
        if self.order != 0 {
            len += 1;
        }
        if self.start_time.is_some() {
            len += 1;
        }
        if self.end_time.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.ListEventsRequest", len)?;
        if let Some(v) = self.filter.as_ref() {
            struct_ser.serialize_field("filter", v)?;
        }
        if self.page_size != 0 {
            struct_ser.serialize_field("pageSize", &self.page_size)?;
        }
        if !self.page_token.is_empty() {
            struct_ser.serialize_field("pageToken", &self.page_token)?;
        }
        if self.include_raw_body {
            struct_ser.serialize_field("includeRawBody", &self.include_raw_body)?;
        }
        if self.order != 0 {
            let v = ListOrder::try_from(self.order)
                .map_err(|_| serde::ser::Error::custom(format!("Invalid variant {}", self.order)))?;
            struct_ser.serialize_field("order", &v)?;
        }
        if let Some(v) = self.start_time.as_ref() {
            struct_ser.serialize_field("startTime", v)?;
        }
        if let Some(v) = self.end_time.as_ref() {
            struct_ser.serialize_field("endTime", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for ListEventsRequest {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "filter",
            "page_size",
            "pageSize",
            "page_token",
            "pageToken",
            "include_raw_body",
            "includeRawBody",
            "order",
            "start_time",
            "startTime",
            "end_time",
            "endTime",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Filter,
            PageSize,
            PageToken,
            IncludeRawBody,
            Order,
            StartTime,
            EndTime,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "filter" => Ok(GeneratedField::Filter),
                            "pageSize" | "page_size" => Ok(GeneratedField::PageSize),
                            "pageToken" | "page_token" => Ok(GeneratedField::PageToken),
                            "includeRawBody" | "include_raw_body" => Ok(GeneratedField::IncludeRawBody),
                            "order" => Ok(GeneratedField::Order),
                            "startTime" | "start_time" => Ok(GeneratedField::StartTime),
                            "endTime" | "end_time" => Ok(GeneratedField::EndTime),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = ListEventsRequest;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.ListEventsRequest")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<ListEventsRequest, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut filter__ = None;
                let mut page_size__ = None;
                let mut page_token__ = None;
                let mut include_raw_body__ = None;
                let mut order__ = None;
                let mut start_time__ = None;
                let mut end_time__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Filter => {
                            if filter__.is_some() {
                                return Err(serde::de::Error::duplicate_field("filter"));
                            }
                            filter__ = map_.next_value()?;
                        }
                        GeneratedField::PageSize => {
                            if page_size__.is_some() {
                                return Err(serde::de::Error::duplicate_field("pageSize"));
                            }
                            page_size__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::PageToken => {
                            if page_token__.is_some() {
                                return Err(serde::de::Error::duplicate_field("pageToken"));
                            }
                            page_token__ = Some(map_.next_value()?);
                        }
                        GeneratedField::IncludeRawBody => {
                            if include_raw_body__.is_some() {
                                return Err(serde::de::Error::duplicate_field("includeRawBody"));
                            }
                            include_raw_body__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Order => {
                            if order__.is_some() {
                                return Err(serde::de::Error::duplicate_field("order"));
                            }
                            order__ = Some(map_.next_value::<ListOrder>()? as i32);
                        }
                        GeneratedField::StartTime => {
                            if start_time__.is_some() {
                                return Err(serde::de::Error::duplicate_field("startTime"));
                            }
                            start_time__ = map_.next_value()?;
                        }
                        GeneratedField::EndTime => {
                            if end_time__.is_some() {
                                return Err(serde::de::Error::duplicate_field("endTime"));
                            }
                            end_time__ = map_.next_value()?;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(ListEventsRequest {
                    filter: filter__,
                    page_size: page_size__.unwrap_or_default(),
                    page_token: page_token__.unwrap_or_default(),
                    include_raw_body: include_raw_body__.unwrap_or_default(),
                    order: order__.unwrap_or_default(),
                    start_time: start_time__,
                    end_time: end_time__,
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.ListEventsRequest", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for ListEventsResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.events.is_empty() {
            len += 1;
        }
        if !self.next_page_token.is_empty() {
            len += 1;
        }
        if self.complete_since.is_some() {
            len += 1;
        }
        if self.unmatched_events != 0 {
            len += 1;
        }
        if !self.gaps.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.ListEventsResponse", len)?;
        if !self.events.is_empty() {
            struct_ser.serialize_field("events", &self.events)?;
        }
        if !self.next_page_token.is_empty() {
            struct_ser.serialize_field("nextPageToken", &self.next_page_token)?;
        }
        if let Some(v) = self.complete_since.as_ref() {
            struct_ser.serialize_field("completeSince", v)?;
        }
        if self.unmatched_events != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("unmatchedEvents", ToString::to_string(&self.unmatched_events).as_str())?;
        }
        if !self.gaps.is_empty() {
            struct_ser.serialize_field("gaps", &self.gaps)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for ListEventsResponse {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "events",
            "next_page_token",
            "nextPageToken",
            "complete_since",
            "completeSince",
            "unmatched_events",
            "unmatchedEvents",
            "gaps",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Events,
            NextPageToken,
            CompleteSince,
            UnmatchedEvents,
            Gaps,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "events" => Ok(GeneratedField::Events),
                            "nextPageToken" | "next_page_token" => Ok(GeneratedField::NextPageToken),
                            "completeSince" | "complete_since" => Ok(GeneratedField::CompleteSince),
                            "unmatchedEvents" | "unmatched_events" => Ok(GeneratedField::UnmatchedEvents),
                            "gaps" => Ok(GeneratedField::Gaps),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = ListEventsResponse;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.ListEventsResponse")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<ListEventsResponse, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut events__ = None;
                let mut next_page_token__ = None;
                let mut complete_since__ = None;
                let mut unmatched_events__ = None;
                let mut gaps__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Events => {
                            if events__.is_some() {
                                return Err(serde::de::Error::duplicate_field("events"));
                            }
                            events__ = Some(map_.next_value()?);
                        }
                        GeneratedField::NextPageToken => {
                            if next_page_token__.is_some() {
                                return Err(serde::de::Error::duplicate_field("nextPageToken"));
                            }
                            next_page_token__ = Some(map_.next_value()?);
                        }
                        GeneratedField::CompleteSince => {
                            if complete_since__.is_some() {
                                return Err(serde::de::Error::duplicate_field("completeSince"));
                            }
                            complete_since__ = map_.next_value()?;
                        }
                        GeneratedField::UnmatchedEvents => {
                            if unmatched_events__.is_some() {
                                return Err(serde::de::Error::duplicate_field("unmatchedEvents"));
                            }
                            unmatched_events__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Gaps => {
                            if gaps__.is_some() {
                                return Err(serde::de::Error::duplicate_field("gaps"));
                            }
                            gaps__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(ListEventsResponse {
                    events: events__.unwrap_or_default(),
                    next_page_token: next_page_token__.unwrap_or_default(),
                    complete_since: complete_since__,
                    unmatched_events: unmatched_events__.unwrap_or_default(),
                    gaps: gaps__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.ListEventsResponse", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for ListOrder {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::Unspecified => "LIST_ORDER_UNSPECIFIED",
            Self::NewestFirst => "LIST_ORDER_NEWEST_FIRST",
            Self::OldestFirst => "LIST_ORDER_OLDEST_FIRST",
        };
        serializer.serialize_str(variant)
    }
}
impl<'de> serde::Deserialize<'de> for ListOrder {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "LIST_ORDER_UNSPECIFIED",
            "LIST_ORDER_NEWEST_FIRST",
            "LIST_ORDER_OLDEST_FIRST",
        ];

        struct GeneratedVisitor;

        impl serde::de::Visitor<'_> for GeneratedVisitor {
            type Value = ListOrder;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, "expected one of: {:?}", &FIELDS)
            }

            fn visit_i64<E>(self, v: i64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Signed(v), &self)
                    })
            }

            fn visit_u64<E>(self, v: u64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Unsigned(v), &self)
                    })
            }

            fn visit_str<E>(self, value: &str) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                match value {
                    "LIST_ORDER_UNSPECIFIED" => Ok(ListOrder::Unspecified),
                    "LIST_ORDER_NEWEST_FIRST" => Ok(ListOrder::NewestFirst),
                    "LIST_ORDER_OLDEST_FIRST" => Ok(ListOrder::OldestFirst),
                    _ => Err(serde::de::Error::unknown_variant(value, FIELDS)),
                }
            }
        }
        deserializer.deserialize_any(GeneratedVisitor)
    }
}
impl serde::Serialize for ListRefusalsRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.reasons.is_empty() {
            len += 1;
        }
        if self.sdk_app_id != 0 {
            len += 1;
        }
        if self.start_time.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.ListRefusalsRequest", len)?;
        if !self.reasons.is_empty() {
            let v = self.reasons.iter().cloned().map(|v| {
                RefusalReason::try_from(v)
                    .map_err(|_| serde::ser::Error::custom(format!("Invalid variant {}", v)))
                }).collect::<std::result::Result<Vec<_>, _>>()?;
            struct_ser.serialize_field("reasons", &v)?;
        }
        if self.sdk_app_id != 0 {
            struct_ser.serialize_field("sdkAppId", &self.sdk_app_id)?;
        }
        if let Some(v) = self.start_time.as_ref() {
            struct_ser.serialize_field("startTime", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for ListRefusalsRequest {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "reasons",
            "sdk_app_id",
            "sdkAppId",
            "start_time",
            "startTime",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Reasons,
            SdkAppId,
            StartTime,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "reasons" => Ok(GeneratedField::Reasons),
                            "sdkAppId" | "sdk_app_id" => Ok(GeneratedField::SdkAppId),
                            "startTime" | "start_time" => Ok(GeneratedField::StartTime),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = ListRefusalsRequest;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.ListRefusalsRequest")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<ListRefusalsRequest, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut reasons__ = None;
                let mut sdk_app_id__ = None;
                let mut start_time__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Reasons => {
                            if reasons__.is_some() {
                                return Err(serde::de::Error::duplicate_field("reasons"));
                            }
                            reasons__ = Some(map_.next_value::<Vec<RefusalReason>>()?.into_iter().map(|x| x as i32).collect());
                        }
                        GeneratedField::SdkAppId => {
                            if sdk_app_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("sdkAppId"));
                            }
                            sdk_app_id__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::StartTime => {
                            if start_time__.is_some() {
                                return Err(serde::de::Error::duplicate_field("startTime"));
                            }
                            start_time__ = map_.next_value()?;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(ListRefusalsRequest {
                    reasons: reasons__.unwrap_or_default(),
                    sdk_app_id: sdk_app_id__.unwrap_or_default(),
                    start_time: start_time__,
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.ListRefusalsRequest", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for ListRefusalsResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.refusals.is_empty() {
            len += 1;
        }
        if !self.counts.is_empty() {
            len += 1;
        }
        if self.process_start_time.is_some() {
            len += 1;
        }
        if !self.replica.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.ListRefusalsResponse", len)?;
        if !self.refusals.is_empty() {
            struct_ser.serialize_field("refusals", &self.refusals)?;
        }
        if !self.counts.is_empty() {
            struct_ser.serialize_field("counts", &self.counts)?;
        }
        if let Some(v) = self.process_start_time.as_ref() {
            struct_ser.serialize_field("processStartTime", v)?;
        }
        if !self.replica.is_empty() {
            struct_ser.serialize_field("replica", &self.replica)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for ListRefusalsResponse {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "refusals",
            "counts",
            "process_start_time",
            "processStartTime",
            "replica",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Refusals,
            Counts,
            ProcessStartTime,
            Replica,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "refusals" => Ok(GeneratedField::Refusals),
                            "counts" => Ok(GeneratedField::Counts),
                            "processStartTime" | "process_start_time" => Ok(GeneratedField::ProcessStartTime),
                            "replica" => Ok(GeneratedField::Replica),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = ListRefusalsResponse;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.ListRefusalsResponse")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<ListRefusalsResponse, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut refusals__ = None;
                let mut counts__ = None;
                let mut process_start_time__ = None;
                let mut replica__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Refusals => {
                            if refusals__.is_some() {
                                return Err(serde::de::Error::duplicate_field("refusals"));
                            }
                            refusals__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Counts => {
                            if counts__.is_some() {
                                return Err(serde::de::Error::duplicate_field("counts"));
                            }
                            counts__ = Some(map_.next_value()?);
                        }
                        GeneratedField::ProcessStartTime => {
                            if process_start_time__.is_some() {
                                return Err(serde::de::Error::duplicate_field("processStartTime"));
                            }
                            process_start_time__ = map_.next_value()?;
                        }
                        GeneratedField::Replica => {
                            if replica__.is_some() {
                                return Err(serde::de::Error::duplicate_field("replica"));
                            }
                            replica__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(ListRefusalsResponse {
                    refusals: refusals__.unwrap_or_default(),
                    counts: counts__.unwrap_or_default(),
                    process_start_time: process_start_time__,
                    replica: replica__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.ListRefusalsResponse", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for ListSubscribersRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.page_size != 0 {
            len += 1;
        }
        if !self.page_token.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.ListSubscribersRequest", len)?;
        if self.page_size != 0 {
            struct_ser.serialize_field("pageSize", &self.page_size)?;
        }
        if !self.page_token.is_empty() {
            struct_ser.serialize_field("pageToken", &self.page_token)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for ListSubscribersRequest {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "page_size",
            "pageSize",
            "page_token",
            "pageToken",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            PageSize,
            PageToken,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "pageSize" | "page_size" => Ok(GeneratedField::PageSize),
                            "pageToken" | "page_token" => Ok(GeneratedField::PageToken),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = ListSubscribersRequest;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.ListSubscribersRequest")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<ListSubscribersRequest, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut page_size__ = None;
                let mut page_token__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::PageSize => {
                            if page_size__.is_some() {
                                return Err(serde::de::Error::duplicate_field("pageSize"));
                            }
                            page_size__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::PageToken => {
                            if page_token__.is_some() {
                                return Err(serde::de::Error::duplicate_field("pageToken"));
                            }
                            page_token__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(ListSubscribersRequest {
                    page_size: page_size__.unwrap_or_default(),
                    page_token: page_token__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.ListSubscribersRequest", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for ListSubscribersResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.subscribers.is_empty() {
            len += 1;
        }
        if !self.next_page_token.is_empty() {
            len += 1;
        }
        if !self.replica.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.ListSubscribersResponse", len)?;
        if !self.subscribers.is_empty() {
            struct_ser.serialize_field("subscribers", &self.subscribers)?;
        }
        if !self.next_page_token.is_empty() {
            struct_ser.serialize_field("nextPageToken", &self.next_page_token)?;
        }
        if !self.replica.is_empty() {
            struct_ser.serialize_field("replica", &self.replica)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for ListSubscribersResponse {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "subscribers",
            "next_page_token",
            "nextPageToken",
            "replica",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Subscribers,
            NextPageToken,
            Replica,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "subscribers" => Ok(GeneratedField::Subscribers),
                            "nextPageToken" | "next_page_token" => Ok(GeneratedField::NextPageToken),
                            "replica" => Ok(GeneratedField::Replica),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = ListSubscribersResponse;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.ListSubscribersResponse")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<ListSubscribersResponse, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut subscribers__ = None;
                let mut next_page_token__ = None;
                let mut replica__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Subscribers => {
                            if subscribers__.is_some() {
                                return Err(serde::de::Error::duplicate_field("subscribers"));
                            }
                            subscribers__ = Some(map_.next_value()?);
                        }
                        GeneratedField::NextPageToken => {
                            if next_page_token__.is_some() {
                                return Err(serde::de::Error::duplicate_field("nextPageToken"));
                            }
                            next_page_token__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Replica => {
                            if replica__.is_some() {
                                return Err(serde::de::Error::duplicate_field("replica"));
                            }
                            replica__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(ListSubscribersResponse {
                    subscribers: subscribers__.unwrap_or_default(),
                    next_page_token: next_page_token__.unwrap_or_default(),
                    replica: replica__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.ListSubscribersResponse", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for LogState {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::Unspecified => "LOG_STATE_UNSPECIFIED",
            Self::Writable => "LOG_STATE_WRITABLE",
            Self::Recovering => "LOG_STATE_RECOVERING",
            Self::Closed => "LOG_STATE_CLOSED",
        };
        serializer.serialize_str(variant)
    }
}
impl<'de> serde::Deserialize<'de> for LogState {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "LOG_STATE_UNSPECIFIED",
            "LOG_STATE_WRITABLE",
            "LOG_STATE_RECOVERING",
            "LOG_STATE_CLOSED",
        ];

        struct GeneratedVisitor;

        impl serde::de::Visitor<'_> for GeneratedVisitor {
            type Value = LogState;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, "expected one of: {:?}", &FIELDS)
            }

            fn visit_i64<E>(self, v: i64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Signed(v), &self)
                    })
            }

            fn visit_u64<E>(self, v: u64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Unsigned(v), &self)
                    })
            }

            fn visit_str<E>(self, value: &str) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                match value {
                    "LOG_STATE_UNSPECIFIED" => Ok(LogState::Unspecified),
                    "LOG_STATE_WRITABLE" => Ok(LogState::Writable),
                    "LOG_STATE_RECOVERING" => Ok(LogState::Recovering),
                    "LOG_STATE_CLOSED" => Ok(LogState::Closed),
                    _ => Err(serde::de::Error::unknown_variant(value, FIELDS)),
                }
            }
        }
        deserializer.deserialize_any(GeneratedVisitor)
    }
}
impl serde::Serialize for MsgElement {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.msg_type.is_empty() {
            len += 1;
        }
        if self.msg_content.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.MsgElement", len)?;
        if !self.msg_type.is_empty() {
            struct_ser.serialize_field("MsgType", &self.msg_type)?;
        }
        if let Some(v) = self.msg_content.as_ref() {
            struct_ser.serialize_field("MsgContent", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for MsgElement {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "msg_type",
            "MsgType",
            "msg_content",
            "MsgContent",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            MsgType,
            MsgContent,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "MsgType" | "msg_type" => Ok(GeneratedField::MsgType),
                            "MsgContent" | "msg_content" => Ok(GeneratedField::MsgContent),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = MsgElement;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.MsgElement")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<MsgElement, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut msg_type__ = None;
                let mut msg_content__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::MsgType => {
                            if msg_type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgType"));
                            }
                            msg_type__ = Some(map_.next_value()?);
                        }
                        GeneratedField::MsgContent => {
                            if msg_content__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgContent"));
                            }
                            msg_content__ = map_.next_value()?;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(MsgElement {
                    msg_type: msg_type__.unwrap_or_default(),
                    msg_content: msg_content__,
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.MsgElement", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for MsgExtension {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.key.is_empty() {
            len += 1;
        }
        if !self.value.is_empty() {
            len += 1;
        }
        if self.seq != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.MsgExtension", len)?;
        if !self.key.is_empty() {
            struct_ser.serialize_field("Key", &self.key)?;
        }
        if !self.value.is_empty() {
            struct_ser.serialize_field("Value", &self.value)?;
        }
        if self.seq != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("Seq", ToString::to_string(&self.seq).as_str())?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for MsgExtension {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "key",
            "Key",
            "value",
            "Value",
            "seq",
            "Seq",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Key,
            Value,
            Seq,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "Key" | "key" => Ok(GeneratedField::Key),
                            "Value" | "value" => Ok(GeneratedField::Value),
                            "Seq" | "seq" => Ok(GeneratedField::Seq),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = MsgExtension;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.MsgExtension")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<MsgExtension, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut key__ = None;
                let mut value__ = None;
                let mut seq__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Key => {
                            if key__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Key"));
                            }
                            key__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Value => {
                            if value__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Value"));
                            }
                            value__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Seq => {
                            if seq__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Seq"));
                            }
                            seq__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(MsgExtension {
                    key: key__.unwrap_or_default(),
                    value: value__.unwrap_or_default(),
                    seq: seq__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.MsgExtension", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for MsgSeqItem {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.msg_seq != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.MsgSeqItem", len)?;
        if self.msg_seq != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("MsgSeq", ToString::to_string(&self.msg_seq).as_str())?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for MsgSeqItem {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "msg_seq",
            "MsgSeq",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            MsgSeq,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "MsgSeq" | "msg_seq" => Ok(GeneratedField::MsgSeq),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = MsgSeqItem;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.MsgSeqItem")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<MsgSeqItem, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut msg_seq__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::MsgSeq => {
                            if msg_seq__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgSeq"));
                            }
                            msg_seq__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(MsgSeqItem {
                    msg_seq: msg_seq__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.MsgSeqItem", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for OfficialAccountAfterCreate {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.operator_account.is_empty() {
            len += 1;
        }
        if !self.owner_account.is_empty() {
            len += 1;
        }
        if !self.name.is_empty() {
            len += 1;
        }
        if !self.official_account.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.OfficialAccountAfterCreate", len)?;
        if !self.operator_account.is_empty() {
            struct_ser.serialize_field("Operator_Account", &self.operator_account)?;
        }
        if !self.owner_account.is_empty() {
            struct_ser.serialize_field("Owner_Account", &self.owner_account)?;
        }
        if !self.name.is_empty() {
            struct_ser.serialize_field("Name", &self.name)?;
        }
        if !self.official_account.is_empty() {
            struct_ser.serialize_field("Official_Account", &self.official_account)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for OfficialAccountAfterCreate {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "operator_account",
            "Operator_Account",
            "owner_account",
            "Owner_Account",
            "name",
            "Name",
            "official_account",
            "Official_Account",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            OperatorAccount,
            OwnerAccount,
            Name,
            OfficialAccount,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "Operator_Account" | "operator_account" => Ok(GeneratedField::OperatorAccount),
                            "Owner_Account" | "owner_account" => Ok(GeneratedField::OwnerAccount),
                            "Name" | "name" => Ok(GeneratedField::Name),
                            "Official_Account" | "official_account" => Ok(GeneratedField::OfficialAccount),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = OfficialAccountAfterCreate;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.OfficialAccountAfterCreate")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<OfficialAccountAfterCreate, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut operator_account__ = None;
                let mut owner_account__ = None;
                let mut name__ = None;
                let mut official_account__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::OperatorAccount => {
                            if operator_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Operator_Account"));
                            }
                            operator_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::OwnerAccount => {
                            if owner_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Owner_Account"));
                            }
                            owner_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Name => {
                            if name__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Name"));
                            }
                            name__ = Some(map_.next_value()?);
                        }
                        GeneratedField::OfficialAccount => {
                            if official_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Official_Account"));
                            }
                            official_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(OfficialAccountAfterCreate {
                    operator_account: operator_account__.unwrap_or_default(),
                    owner_account: owner_account__.unwrap_or_default(),
                    name: name__.unwrap_or_default(),
                    official_account: official_account__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.OfficialAccountAfterCreate", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for OfficialAccountAfterMsgWithDraw {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.official_account.is_empty() {
            len += 1;
        }
        if !self.withdraw_msg_list.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.OfficialAccountAfterMsgWithDraw", len)?;
        if !self.official_account.is_empty() {
            struct_ser.serialize_field("Official_Account", &self.official_account)?;
        }
        if !self.withdraw_msg_list.is_empty() {
            struct_ser.serialize_field("WithdrawMsgList", &self.withdraw_msg_list)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for OfficialAccountAfterMsgWithDraw {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "official_account",
            "Official_Account",
            "withdraw_msg_list",
            "WithdrawMsgList",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            OfficialAccount,
            WithdrawMsgList,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "Official_Account" | "official_account" => Ok(GeneratedField::OfficialAccount),
                            "WithdrawMsgList" | "withdraw_msg_list" => Ok(GeneratedField::WithdrawMsgList),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = OfficialAccountAfterMsgWithDraw;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.OfficialAccountAfterMsgWithDraw")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<OfficialAccountAfterMsgWithDraw, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut official_account__ = None;
                let mut withdraw_msg_list__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::OfficialAccount => {
                            if official_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Official_Account"));
                            }
                            official_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::WithdrawMsgList => {
                            if withdraw_msg_list__.is_some() {
                                return Err(serde::de::Error::duplicate_field("WithdrawMsgList"));
                            }
                            withdraw_msg_list__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(OfficialAccountAfterMsgWithDraw {
                    official_account: official_account__.unwrap_or_default(),
                    withdraw_msg_list: withdraw_msg_list__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.OfficialAccountAfterMsgWithDraw", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for OfficialAccountAfterSendMsg {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.official_account.is_empty() {
            len += 1;
        }
        if self.online_only_flag != 0 {
            len += 1;
        }
        if !self.msg_body.is_empty() {
            len += 1;
        }
        if !self.cloud_custom_data.is_empty() {
            len += 1;
        }
        if !self.msg_key.is_empty() {
            len += 1;
        }
        if self.msg_time != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.OfficialAccountAfterSendMsg", len)?;
        if !self.official_account.is_empty() {
            struct_ser.serialize_field("Official_Account", &self.official_account)?;
        }
        if self.online_only_flag != 0 {
            struct_ser.serialize_field("OnlineOnlyFlag", &self.online_only_flag)?;
        }
        if !self.msg_body.is_empty() {
            struct_ser.serialize_field("MsgBody", &self.msg_body)?;
        }
        if !self.cloud_custom_data.is_empty() {
            struct_ser.serialize_field("CloudCustomData", &self.cloud_custom_data)?;
        }
        if !self.msg_key.is_empty() {
            struct_ser.serialize_field("MsgKey", &self.msg_key)?;
        }
        if self.msg_time != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("MsgTime", ToString::to_string(&self.msg_time).as_str())?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for OfficialAccountAfterSendMsg {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "official_account",
            "Official_Account",
            "online_only_flag",
            "OnlineOnlyFlag",
            "msg_body",
            "MsgBody",
            "cloud_custom_data",
            "CloudCustomData",
            "msg_key",
            "MsgKey",
            "msg_time",
            "MsgTime",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            OfficialAccount,
            OnlineOnlyFlag,
            MsgBody,
            CloudCustomData,
            MsgKey,
            MsgTime,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "Official_Account" | "official_account" => Ok(GeneratedField::OfficialAccount),
                            "OnlineOnlyFlag" | "online_only_flag" => Ok(GeneratedField::OnlineOnlyFlag),
                            "MsgBody" | "msg_body" => Ok(GeneratedField::MsgBody),
                            "CloudCustomData" | "cloud_custom_data" => Ok(GeneratedField::CloudCustomData),
                            "MsgKey" | "msg_key" => Ok(GeneratedField::MsgKey),
                            "MsgTime" | "msg_time" => Ok(GeneratedField::MsgTime),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = OfficialAccountAfterSendMsg;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.OfficialAccountAfterSendMsg")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<OfficialAccountAfterSendMsg, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut official_account__ = None;
                let mut online_only_flag__ = None;
                let mut msg_body__ = None;
                let mut cloud_custom_data__ = None;
                let mut msg_key__ = None;
                let mut msg_time__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::OfficialAccount => {
                            if official_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Official_Account"));
                            }
                            official_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::OnlineOnlyFlag => {
                            if online_only_flag__.is_some() {
                                return Err(serde::de::Error::duplicate_field("OnlineOnlyFlag"));
                            }
                            online_only_flag__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::MsgBody => {
                            if msg_body__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgBody"));
                            }
                            msg_body__ = Some(map_.next_value()?);
                        }
                        GeneratedField::CloudCustomData => {
                            if cloud_custom_data__.is_some() {
                                return Err(serde::de::Error::duplicate_field("CloudCustomData"));
                            }
                            cloud_custom_data__ = Some(map_.next_value()?);
                        }
                        GeneratedField::MsgKey => {
                            if msg_key__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgKey"));
                            }
                            msg_key__ = Some(map_.next_value()?);
                        }
                        GeneratedField::MsgTime => {
                            if msg_time__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgTime"));
                            }
                            msg_time__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(OfficialAccountAfterSendMsg {
                    official_account: official_account__.unwrap_or_default(),
                    online_only_flag: online_only_flag__.unwrap_or_default(),
                    msg_body: msg_body__.unwrap_or_default(),
                    cloud_custom_data: cloud_custom_data__.unwrap_or_default(),
                    msg_key: msg_key__.unwrap_or_default(),
                    msg_time: msg_time__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.OfficialAccountAfterSendMsg", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for OfficialAccountBeforeCreate {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.operator_account.is_empty() {
            len += 1;
        }
        if !self.owner_account.is_empty() {
            len += 1;
        }
        if !self.name.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.OfficialAccountBeforeCreate", len)?;
        if !self.operator_account.is_empty() {
            struct_ser.serialize_field("Operator_Account", &self.operator_account)?;
        }
        if !self.owner_account.is_empty() {
            struct_ser.serialize_field("Owner_Account", &self.owner_account)?;
        }
        if !self.name.is_empty() {
            struct_ser.serialize_field("Name", &self.name)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for OfficialAccountBeforeCreate {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "operator_account",
            "Operator_Account",
            "owner_account",
            "Owner_Account",
            "name",
            "Name",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            OperatorAccount,
            OwnerAccount,
            Name,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "Operator_Account" | "operator_account" => Ok(GeneratedField::OperatorAccount),
                            "Owner_Account" | "owner_account" => Ok(GeneratedField::OwnerAccount),
                            "Name" | "name" => Ok(GeneratedField::Name),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = OfficialAccountBeforeCreate;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.OfficialAccountBeforeCreate")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<OfficialAccountBeforeCreate, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut operator_account__ = None;
                let mut owner_account__ = None;
                let mut name__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::OperatorAccount => {
                            if operator_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Operator_Account"));
                            }
                            operator_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::OwnerAccount => {
                            if owner_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Owner_Account"));
                            }
                            owner_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Name => {
                            if name__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Name"));
                            }
                            name__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(OfficialAccountBeforeCreate {
                    operator_account: operator_account__.unwrap_or_default(),
                    owner_account: owner_account__.unwrap_or_default(),
                    name: name__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.OfficialAccountBeforeCreate", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for OfficialAccountBeforeSendMsg {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.official_account.is_empty() {
            len += 1;
        }
        if self.online_only_flag != 0 {
            len += 1;
        }
        if !self.msg_body.is_empty() {
            len += 1;
        }
        if !self.cloud_custom_data.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.OfficialAccountBeforeSendMsg", len)?;
        if !self.official_account.is_empty() {
            struct_ser.serialize_field("Official_Account", &self.official_account)?;
        }
        if self.online_only_flag != 0 {
            struct_ser.serialize_field("OnlineOnlyFlag", &self.online_only_flag)?;
        }
        if !self.msg_body.is_empty() {
            struct_ser.serialize_field("MsgBody", &self.msg_body)?;
        }
        if !self.cloud_custom_data.is_empty() {
            struct_ser.serialize_field("CloudCustomData", &self.cloud_custom_data)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for OfficialAccountBeforeSendMsg {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "official_account",
            "Official_Account",
            "online_only_flag",
            "OnlineOnlyFlag",
            "msg_body",
            "MsgBody",
            "cloud_custom_data",
            "CloudCustomData",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            OfficialAccount,
            OnlineOnlyFlag,
            MsgBody,
            CloudCustomData,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "Official_Account" | "official_account" => Ok(GeneratedField::OfficialAccount),
                            "OnlineOnlyFlag" | "online_only_flag" => Ok(GeneratedField::OnlineOnlyFlag),
                            "MsgBody" | "msg_body" => Ok(GeneratedField::MsgBody),
                            "CloudCustomData" | "cloud_custom_data" => Ok(GeneratedField::CloudCustomData),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = OfficialAccountBeforeSendMsg;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.OfficialAccountBeforeSendMsg")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<OfficialAccountBeforeSendMsg, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut official_account__ = None;
                let mut online_only_flag__ = None;
                let mut msg_body__ = None;
                let mut cloud_custom_data__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::OfficialAccount => {
                            if official_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Official_Account"));
                            }
                            official_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::OnlineOnlyFlag => {
                            if online_only_flag__.is_some() {
                                return Err(serde::de::Error::duplicate_field("OnlineOnlyFlag"));
                            }
                            online_only_flag__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::MsgBody => {
                            if msg_body__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgBody"));
                            }
                            msg_body__ = Some(map_.next_value()?);
                        }
                        GeneratedField::CloudCustomData => {
                            if cloud_custom_data__.is_some() {
                                return Err(serde::de::Error::duplicate_field("CloudCustomData"));
                            }
                            cloud_custom_data__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(OfficialAccountBeforeSendMsg {
                    official_account: official_account__.unwrap_or_default(),
                    online_only_flag: online_only_flag__.unwrap_or_default(),
                    msg_body: msg_body__.unwrap_or_default(),
                    cloud_custom_data: cloud_custom_data__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.OfficialAccountBeforeSendMsg", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for OfficialAccountDestroyed {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.official_account.is_empty() {
            len += 1;
        }
        if !self.owner_account.is_empty() {
            len += 1;
        }
        if !self.name.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.OfficialAccountDestroyed", len)?;
        if !self.official_account.is_empty() {
            struct_ser.serialize_field("Official_Account", &self.official_account)?;
        }
        if !self.owner_account.is_empty() {
            struct_ser.serialize_field("Owner_Account", &self.owner_account)?;
        }
        if !self.name.is_empty() {
            struct_ser.serialize_field("Name", &self.name)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for OfficialAccountDestroyed {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "official_account",
            "Official_Account",
            "owner_account",
            "Owner_Account",
            "name",
            "Name",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            OfficialAccount,
            OwnerAccount,
            Name,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "Official_Account" | "official_account" => Ok(GeneratedField::OfficialAccount),
                            "Owner_Account" | "owner_account" => Ok(GeneratedField::OwnerAccount),
                            "Name" | "name" => Ok(GeneratedField::Name),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = OfficialAccountDestroyed;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.OfficialAccountDestroyed")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<OfficialAccountDestroyed, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut official_account__ = None;
                let mut owner_account__ = None;
                let mut name__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::OfficialAccount => {
                            if official_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Official_Account"));
                            }
                            official_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::OwnerAccount => {
                            if owner_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Owner_Account"));
                            }
                            owner_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Name => {
                            if name__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Name"));
                            }
                            name__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(OfficialAccountDestroyed {
                    official_account: official_account__.unwrap_or_default(),
                    owner_account: owner_account__.unwrap_or_default(),
                    name: name__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.OfficialAccountDestroyed", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for OfficialAccountFull {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.official_account.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.OfficialAccountFull", len)?;
        if !self.official_account.is_empty() {
            struct_ser.serialize_field("Official_Account", &self.official_account)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for OfficialAccountFull {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "official_account",
            "Official_Account",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            OfficialAccount,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "Official_Account" | "official_account" => Ok(GeneratedField::OfficialAccount),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = OfficialAccountFull;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.OfficialAccountFull")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<OfficialAccountFull, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut official_account__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::OfficialAccount => {
                            if official_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Official_Account"));
                            }
                            official_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(OfficialAccountFull {
                    official_account: official_account__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.OfficialAccountFull", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for OfficialAccountInfoChanged {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.official_account.is_empty() {
            len += 1;
        }
        if !self.operator_account.is_empty() {
            len += 1;
        }
        if self.introduction.is_some() {
            len += 1;
        }
        if self.name.is_some() {
            len += 1;
        }
        if self.face_url.is_some() {
            len += 1;
        }
        if self.organization.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.OfficialAccountInfoChanged", len)?;
        if !self.official_account.is_empty() {
            struct_ser.serialize_field("Official_Account", &self.official_account)?;
        }
        if !self.operator_account.is_empty() {
            struct_ser.serialize_field("Operator_Account", &self.operator_account)?;
        }
        if let Some(v) = self.introduction.as_ref() {
            struct_ser.serialize_field("Introduction", v)?;
        }
        if let Some(v) = self.name.as_ref() {
            struct_ser.serialize_field("Name", v)?;
        }
        if let Some(v) = self.face_url.as_ref() {
            struct_ser.serialize_field("FaceUrl", v)?;
        }
        if let Some(v) = self.organization.as_ref() {
            struct_ser.serialize_field("Organization", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for OfficialAccountInfoChanged {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "official_account",
            "Official_Account",
            "operator_account",
            "Operator_Account",
            "introduction",
            "Introduction",
            "name",
            "Name",
            "face_url",
            "FaceUrl",
            "organization",
            "Organization",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            OfficialAccount,
            OperatorAccount,
            Introduction,
            Name,
            FaceUrl,
            Organization,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "Official_Account" | "official_account" => Ok(GeneratedField::OfficialAccount),
                            "Operator_Account" | "operator_account" => Ok(GeneratedField::OperatorAccount),
                            "Introduction" | "introduction" => Ok(GeneratedField::Introduction),
                            "Name" | "name" => Ok(GeneratedField::Name),
                            "FaceUrl" | "face_url" => Ok(GeneratedField::FaceUrl),
                            "Organization" | "organization" => Ok(GeneratedField::Organization),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = OfficialAccountInfoChanged;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.OfficialAccountInfoChanged")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<OfficialAccountInfoChanged, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut official_account__ = None;
                let mut operator_account__ = None;
                let mut introduction__ = None;
                let mut name__ = None;
                let mut face_url__ = None;
                let mut organization__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::OfficialAccount => {
                            if official_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Official_Account"));
                            }
                            official_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::OperatorAccount => {
                            if operator_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Operator_Account"));
                            }
                            operator_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Introduction => {
                            if introduction__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Introduction"));
                            }
                            introduction__ = map_.next_value()?;
                        }
                        GeneratedField::Name => {
                            if name__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Name"));
                            }
                            name__ = map_.next_value()?;
                        }
                        GeneratedField::FaceUrl => {
                            if face_url__.is_some() {
                                return Err(serde::de::Error::duplicate_field("FaceUrl"));
                            }
                            face_url__ = map_.next_value()?;
                        }
                        GeneratedField::Organization => {
                            if organization__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Organization"));
                            }
                            organization__ = map_.next_value()?;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(OfficialAccountInfoChanged {
                    official_account: official_account__.unwrap_or_default(),
                    operator_account: operator_account__.unwrap_or_default(),
                    introduction: introduction__,
                    name: name__,
                    face_url: face_url__,
                    organization: organization__,
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.OfficialAccountInfoChanged", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for OfficialAccountSubscribers {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.official_account.is_empty() {
            len += 1;
        }
        if !self.operator_account.is_empty() {
            len += 1;
        }
        if !self.subscribe_account_list.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.OfficialAccountSubscribers", len)?;
        if !self.official_account.is_empty() {
            struct_ser.serialize_field("Official_Account", &self.official_account)?;
        }
        if !self.operator_account.is_empty() {
            struct_ser.serialize_field("Operator_Account", &self.operator_account)?;
        }
        if !self.subscribe_account_list.is_empty() {
            struct_ser.serialize_field("SubscribeAccountList", &self.subscribe_account_list)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for OfficialAccountSubscribers {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "official_account",
            "Official_Account",
            "operator_account",
            "Operator_Account",
            "subscribe_account_list",
            "SubscribeAccountList",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            OfficialAccount,
            OperatorAccount,
            SubscribeAccountList,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "Official_Account" | "official_account" => Ok(GeneratedField::OfficialAccount),
                            "Operator_Account" | "operator_account" => Ok(GeneratedField::OperatorAccount),
                            "SubscribeAccountList" | "subscribe_account_list" => Ok(GeneratedField::SubscribeAccountList),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = OfficialAccountSubscribers;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.OfficialAccountSubscribers")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<OfficialAccountSubscribers, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut official_account__ = None;
                let mut operator_account__ = None;
                let mut subscribe_account_list__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::OfficialAccount => {
                            if official_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Official_Account"));
                            }
                            official_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::OperatorAccount => {
                            if operator_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Operator_Account"));
                            }
                            operator_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::SubscribeAccountList => {
                            if subscribe_account_list__.is_some() {
                                return Err(serde::de::Error::duplicate_field("SubscribeAccountList"));
                            }
                            subscribe_account_list__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(OfficialAccountSubscribers {
                    official_account: official_account__.unwrap_or_default(),
                    operator_account: operator_account__.unwrap_or_default(),
                    subscribe_account_list: subscribe_account_list__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.OfficialAccountSubscribers", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for ProfileItem {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.tag.is_empty() {
            len += 1;
        }
        if self.value.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.ProfileItem", len)?;
        if !self.tag.is_empty() {
            struct_ser.serialize_field("Tag", &self.tag)?;
        }
        if let Some(v) = self.value.as_ref() {
            struct_ser.serialize_field("Value", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for ProfileItem {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "tag",
            "Tag",
            "value",
            "Value",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Tag,
            Value,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "Tag" | "tag" => Ok(GeneratedField::Tag),
                            "Value" | "value" => Ok(GeneratedField::Value),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = ProfileItem;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.ProfileItem")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<ProfileItem, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut tag__ = None;
                let mut value__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Tag => {
                            if tag__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Tag"));
                            }
                            tag__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Value => {
                            if value__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Value"));
                            }
                            value__ = map_.next_value()?;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(ProfileItem {
                    tag: tag__.unwrap_or_default(),
                    value: value__,
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.ProfileItem", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for ProfilePortraitSet {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.operator_account.is_empty() {
            len += 1;
        }
        if !self.from_account.is_empty() {
            len += 1;
        }
        if !self.profile_item.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.ProfilePortraitSet", len)?;
        if !self.operator_account.is_empty() {
            struct_ser.serialize_field("Operator_Account", &self.operator_account)?;
        }
        if !self.from_account.is_empty() {
            struct_ser.serialize_field("From_Account", &self.from_account)?;
        }
        if !self.profile_item.is_empty() {
            struct_ser.serialize_field("ProfileItem", &self.profile_item)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for ProfilePortraitSet {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "operator_account",
            "Operator_Account",
            "from_account",
            "From_Account",
            "profile_item",
            "ProfileItem",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            OperatorAccount,
            FromAccount,
            ProfileItem,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "Operator_Account" | "operator_account" => Ok(GeneratedField::OperatorAccount),
                            "From_Account" | "from_account" => Ok(GeneratedField::FromAccount),
                            "ProfileItem" | "profile_item" => Ok(GeneratedField::ProfileItem),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = ProfilePortraitSet;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.ProfilePortraitSet")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<ProfilePortraitSet, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut operator_account__ = None;
                let mut from_account__ = None;
                let mut profile_item__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::OperatorAccount => {
                            if operator_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Operator_Account"));
                            }
                            operator_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::FromAccount => {
                            if from_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("From_Account"));
                            }
                            from_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::ProfileItem => {
                            if profile_item__.is_some() {
                                return Err(serde::de::Error::duplicate_field("ProfileItem"));
                            }
                            profile_item__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(ProfilePortraitSet {
                    operator_account: operator_account__.unwrap_or_default(),
                    from_account: from_account__.unwrap_or_default(),
                    profile_item: profile_item__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.ProfilePortraitSet", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for PushAllMemberPush {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.event_type != 0 {
            len += 1;
        }
        if !self.task_id.is_empty() {
            len += 1;
        }
        if self.task_time != 0 {
            len += 1;
        }
        if !self.to_account.is_empty() {
            len += 1;
        }
        if self.push_platform != 0 {
            len += 1;
        }
        if self.push_stage != 0 {
            len += 1;
        }
        if self.err_code != 0 {
            len += 1;
        }
        if !self.err_info.is_empty() {
            len += 1;
        }
        if !self.events.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.PushAllMemberPush", len)?;
        if self.event_type != 0 {
            struct_ser.serialize_field("EventType", &self.event_type)?;
        }
        if !self.task_id.is_empty() {
            struct_ser.serialize_field("TaskId", &self.task_id)?;
        }
        if self.task_time != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("TaskTime", ToString::to_string(&self.task_time).as_str())?;
        }
        if !self.to_account.is_empty() {
            struct_ser.serialize_field("To_Account", &self.to_account)?;
        }
        if self.push_platform != 0 {
            struct_ser.serialize_field("PushPlatform", &self.push_platform)?;
        }
        if self.push_stage != 0 {
            struct_ser.serialize_field("PushStage", &self.push_stage)?;
        }
        if self.err_code != 0 {
            struct_ser.serialize_field("ErrCode", &self.err_code)?;
        }
        if !self.err_info.is_empty() {
            struct_ser.serialize_field("ErrInfo", &self.err_info)?;
        }
        if !self.events.is_empty() {
            struct_ser.serialize_field("Events", &self.events)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for PushAllMemberPush {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "event_type",
            "EventType",
            "task_id",
            "TaskId",
            "task_time",
            "TaskTime",
            "to_account",
            "To_Account",
            "push_platform",
            "PushPlatform",
            "push_stage",
            "PushStage",
            "err_code",
            "ErrCode",
            "err_info",
            "ErrInfo",
            "events",
            "Events",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            EventType,
            TaskId,
            TaskTime,
            ToAccount,
            PushPlatform,
            PushStage,
            ErrCode,
            ErrInfo,
            Events,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "EventType" | "event_type" => Ok(GeneratedField::EventType),
                            "TaskId" | "task_id" => Ok(GeneratedField::TaskId),
                            "TaskTime" | "task_time" => Ok(GeneratedField::TaskTime),
                            "To_Account" | "to_account" => Ok(GeneratedField::ToAccount),
                            "PushPlatform" | "push_platform" => Ok(GeneratedField::PushPlatform),
                            "PushStage" | "push_stage" => Ok(GeneratedField::PushStage),
                            "ErrCode" | "err_code" => Ok(GeneratedField::ErrCode),
                            "ErrInfo" | "err_info" => Ok(GeneratedField::ErrInfo),
                            "Events" | "events" => Ok(GeneratedField::Events),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = PushAllMemberPush;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.PushAllMemberPush")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<PushAllMemberPush, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut event_type__ = None;
                let mut task_id__ = None;
                let mut task_time__ = None;
                let mut to_account__ = None;
                let mut push_platform__ = None;
                let mut push_stage__ = None;
                let mut err_code__ = None;
                let mut err_info__ = None;
                let mut events__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::EventType => {
                            if event_type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("EventType"));
                            }
                            event_type__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::TaskId => {
                            if task_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("TaskId"));
                            }
                            task_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::TaskTime => {
                            if task_time__.is_some() {
                                return Err(serde::de::Error::duplicate_field("TaskTime"));
                            }
                            task_time__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::ToAccount => {
                            if to_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("To_Account"));
                            }
                            to_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::PushPlatform => {
                            if push_platform__.is_some() {
                                return Err(serde::de::Error::duplicate_field("PushPlatform"));
                            }
                            push_platform__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::PushStage => {
                            if push_stage__.is_some() {
                                return Err(serde::de::Error::duplicate_field("PushStage"));
                            }
                            push_stage__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::ErrCode => {
                            if err_code__.is_some() {
                                return Err(serde::de::Error::duplicate_field("ErrCode"));
                            }
                            err_code__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::ErrInfo => {
                            if err_info__.is_some() {
                                return Err(serde::de::Error::duplicate_field("ErrInfo"));
                            }
                            err_info__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Events => {
                            if events__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Events"));
                            }
                            events__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(PushAllMemberPush {
                    event_type: event_type__.unwrap_or_default(),
                    task_id: task_id__.unwrap_or_default(),
                    task_time: task_time__.unwrap_or_default(),
                    to_account: to_account__.unwrap_or_default(),
                    push_platform: push_platform__.unwrap_or_default(),
                    push_stage: push_stage__.unwrap_or_default(),
                    err_code: err_code__.unwrap_or_default(),
                    err_info: err_info__.unwrap_or_default(),
                    events: events__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.PushAllMemberPush", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for PushAllMemberPushResult {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.callback_command.is_empty() {
            len += 1;
        }
        if self.event_type != 0 {
            len += 1;
        }
        if !self.task_id.is_empty() {
            len += 1;
        }
        if self.task_time != 0 {
            len += 1;
        }
        if self.event_time != 0 {
            len += 1;
        }
        if !self.to_account.is_empty() {
            len += 1;
        }
        if self.push_platform != 0 {
            len += 1;
        }
        if self.push_stage != 0 {
            len += 1;
        }
        if self.err_code != 0 {
            len += 1;
        }
        if !self.err_info.is_empty() {
            len += 1;
        }
        if !self.data_id.is_empty() {
            len += 1;
        }
        if self.device_type != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.PushAllMemberPushResult", len)?;
        if !self.callback_command.is_empty() {
            struct_ser.serialize_field("CallbackCommand", &self.callback_command)?;
        }
        if self.event_type != 0 {
            struct_ser.serialize_field("EventType", &self.event_type)?;
        }
        if !self.task_id.is_empty() {
            struct_ser.serialize_field("TaskId", &self.task_id)?;
        }
        if self.task_time != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("TaskTime", ToString::to_string(&self.task_time).as_str())?;
        }
        if self.event_time != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("EventTime", ToString::to_string(&self.event_time).as_str())?;
        }
        if !self.to_account.is_empty() {
            struct_ser.serialize_field("To_Account", &self.to_account)?;
        }
        if self.push_platform != 0 {
            struct_ser.serialize_field("PushPlatform", &self.push_platform)?;
        }
        if self.push_stage != 0 {
            struct_ser.serialize_field("PushStage", &self.push_stage)?;
        }
        if self.err_code != 0 {
            struct_ser.serialize_field("ErrCode", &self.err_code)?;
        }
        if !self.err_info.is_empty() {
            struct_ser.serialize_field("ErrInfo", &self.err_info)?;
        }
        if !self.data_id.is_empty() {
            struct_ser.serialize_field("DataId", &self.data_id)?;
        }
        if self.device_type != 0 {
            struct_ser.serialize_field("DeviceType", &self.device_type)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for PushAllMemberPushResult {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "callback_command",
            "CallbackCommand",
            "event_type",
            "EventType",
            "task_id",
            "TaskId",
            "task_time",
            "TaskTime",
            "event_time",
            "EventTime",
            "to_account",
            "To_Account",
            "push_platform",
            "PushPlatform",
            "push_stage",
            "PushStage",
            "err_code",
            "ErrCode",
            "err_info",
            "ErrInfo",
            "data_id",
            "DataId",
            "device_type",
            "DeviceType",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            CallbackCommand,
            EventType,
            TaskId,
            TaskTime,
            EventTime,
            ToAccount,
            PushPlatform,
            PushStage,
            ErrCode,
            ErrInfo,
            DataId,
            DeviceType,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "CallbackCommand" | "callback_command" => Ok(GeneratedField::CallbackCommand),
                            "EventType" | "event_type" => Ok(GeneratedField::EventType),
                            "TaskId" | "task_id" => Ok(GeneratedField::TaskId),
                            "TaskTime" | "task_time" => Ok(GeneratedField::TaskTime),
                            "EventTime" | "event_time" => Ok(GeneratedField::EventTime),
                            "To_Account" | "to_account" => Ok(GeneratedField::ToAccount),
                            "PushPlatform" | "push_platform" => Ok(GeneratedField::PushPlatform),
                            "PushStage" | "push_stage" => Ok(GeneratedField::PushStage),
                            "ErrCode" | "err_code" => Ok(GeneratedField::ErrCode),
                            "ErrInfo" | "err_info" => Ok(GeneratedField::ErrInfo),
                            "DataId" | "data_id" => Ok(GeneratedField::DataId),
                            "DeviceType" | "device_type" => Ok(GeneratedField::DeviceType),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = PushAllMemberPushResult;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.PushAllMemberPushResult")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<PushAllMemberPushResult, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut callback_command__ = None;
                let mut event_type__ = None;
                let mut task_id__ = None;
                let mut task_time__ = None;
                let mut event_time__ = None;
                let mut to_account__ = None;
                let mut push_platform__ = None;
                let mut push_stage__ = None;
                let mut err_code__ = None;
                let mut err_info__ = None;
                let mut data_id__ = None;
                let mut device_type__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::CallbackCommand => {
                            if callback_command__.is_some() {
                                return Err(serde::de::Error::duplicate_field("CallbackCommand"));
                            }
                            callback_command__ = Some(map_.next_value()?);
                        }
                        GeneratedField::EventType => {
                            if event_type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("EventType"));
                            }
                            event_type__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::TaskId => {
                            if task_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("TaskId"));
                            }
                            task_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::TaskTime => {
                            if task_time__.is_some() {
                                return Err(serde::de::Error::duplicate_field("TaskTime"));
                            }
                            task_time__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::EventTime => {
                            if event_time__.is_some() {
                                return Err(serde::de::Error::duplicate_field("EventTime"));
                            }
                            event_time__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::ToAccount => {
                            if to_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("To_Account"));
                            }
                            to_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::PushPlatform => {
                            if push_platform__.is_some() {
                                return Err(serde::de::Error::duplicate_field("PushPlatform"));
                            }
                            push_platform__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::PushStage => {
                            if push_stage__.is_some() {
                                return Err(serde::de::Error::duplicate_field("PushStage"));
                            }
                            push_stage__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::ErrCode => {
                            if err_code__.is_some() {
                                return Err(serde::de::Error::duplicate_field("ErrCode"));
                            }
                            err_code__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::ErrInfo => {
                            if err_info__.is_some() {
                                return Err(serde::de::Error::duplicate_field("ErrInfo"));
                            }
                            err_info__ = Some(map_.next_value()?);
                        }
                        GeneratedField::DataId => {
                            if data_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("DataId"));
                            }
                            data_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::DeviceType => {
                            if device_type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("DeviceType"));
                            }
                            device_type__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(PushAllMemberPushResult {
                    callback_command: callback_command__.unwrap_or_default(),
                    event_type: event_type__.unwrap_or_default(),
                    task_id: task_id__.unwrap_or_default(),
                    task_time: task_time__.unwrap_or_default(),
                    event_time: event_time__.unwrap_or_default(),
                    to_account: to_account__.unwrap_or_default(),
                    push_platform: push_platform__.unwrap_or_default(),
                    push_stage: push_stage__.unwrap_or_default(),
                    err_code: err_code__.unwrap_or_default(),
                    err_info: err_info__.unwrap_or_default(),
                    data_id: data_id__.unwrap_or_default(),
                    device_type: device_type__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.PushAllMemberPushResult", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for PushOfflinePush {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.event_type != 0 {
            len += 1;
        }
        if !self.from_account.is_empty() {
            len += 1;
        }
        if !self.to_account.is_empty() {
            len += 1;
        }
        if self.push_platform != 0 {
            len += 1;
        }
        if self.push_stage != 0 {
            len += 1;
        }
        if !self.msg_key.is_empty() {
            len += 1;
        }
        if !self.group_id.is_empty() {
            len += 1;
        }
        if self.msg_seq != 0 {
            len += 1;
        }
        if self.msg_random != 0 {
            len += 1;
        }
        if self.msg_time != 0 {
            len += 1;
        }
        if self.err_code != 0 {
            len += 1;
        }
        if !self.err_info.is_empty() {
            len += 1;
        }
        if !self.events.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.PushOfflinePush", len)?;
        if self.event_type != 0 {
            struct_ser.serialize_field("EventType", &self.event_type)?;
        }
        if !self.from_account.is_empty() {
            struct_ser.serialize_field("From_Account", &self.from_account)?;
        }
        if !self.to_account.is_empty() {
            struct_ser.serialize_field("To_Account", &self.to_account)?;
        }
        if self.push_platform != 0 {
            struct_ser.serialize_field("PushPlatform", &self.push_platform)?;
        }
        if self.push_stage != 0 {
            struct_ser.serialize_field("PushStage", &self.push_stage)?;
        }
        if !self.msg_key.is_empty() {
            struct_ser.serialize_field("MsgKey", &self.msg_key)?;
        }
        if !self.group_id.is_empty() {
            struct_ser.serialize_field("GroupID", &self.group_id)?;
        }
        if self.msg_seq != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("MsgSeq", ToString::to_string(&self.msg_seq).as_str())?;
        }
        if self.msg_random != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("MsgRandom", ToString::to_string(&self.msg_random).as_str())?;
        }
        if self.msg_time != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("MsgTime", ToString::to_string(&self.msg_time).as_str())?;
        }
        if self.err_code != 0 {
            struct_ser.serialize_field("ErrCode", &self.err_code)?;
        }
        if !self.err_info.is_empty() {
            struct_ser.serialize_field("ErrInfo", &self.err_info)?;
        }
        if !self.events.is_empty() {
            struct_ser.serialize_field("Events", &self.events)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for PushOfflinePush {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "event_type",
            "EventType",
            "from_account",
            "From_Account",
            "to_account",
            "To_Account",
            "push_platform",
            "PushPlatform",
            "push_stage",
            "PushStage",
            "msg_key",
            "MsgKey",
            "group_id",
            "GroupID",
            "msg_seq",
            "MsgSeq",
            "msg_random",
            "MsgRandom",
            "msg_time",
            "MsgTime",
            "err_code",
            "ErrCode",
            "err_info",
            "ErrInfo",
            "events",
            "Events",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            EventType,
            FromAccount,
            ToAccount,
            PushPlatform,
            PushStage,
            MsgKey,
            GroupId,
            MsgSeq,
            MsgRandom,
            MsgTime,
            ErrCode,
            ErrInfo,
            Events,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "EventType" | "event_type" => Ok(GeneratedField::EventType),
                            "From_Account" | "from_account" => Ok(GeneratedField::FromAccount),
                            "To_Account" | "to_account" => Ok(GeneratedField::ToAccount),
                            "PushPlatform" | "push_platform" => Ok(GeneratedField::PushPlatform),
                            "PushStage" | "push_stage" => Ok(GeneratedField::PushStage),
                            "MsgKey" | "msg_key" => Ok(GeneratedField::MsgKey),
                            "GroupID" | "group_id" => Ok(GeneratedField::GroupId),
                            "MsgSeq" | "msg_seq" => Ok(GeneratedField::MsgSeq),
                            "MsgRandom" | "msg_random" => Ok(GeneratedField::MsgRandom),
                            "MsgTime" | "msg_time" => Ok(GeneratedField::MsgTime),
                            "ErrCode" | "err_code" => Ok(GeneratedField::ErrCode),
                            "ErrInfo" | "err_info" => Ok(GeneratedField::ErrInfo),
                            "Events" | "events" => Ok(GeneratedField::Events),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = PushOfflinePush;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.PushOfflinePush")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<PushOfflinePush, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut event_type__ = None;
                let mut from_account__ = None;
                let mut to_account__ = None;
                let mut push_platform__ = None;
                let mut push_stage__ = None;
                let mut msg_key__ = None;
                let mut group_id__ = None;
                let mut msg_seq__ = None;
                let mut msg_random__ = None;
                let mut msg_time__ = None;
                let mut err_code__ = None;
                let mut err_info__ = None;
                let mut events__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::EventType => {
                            if event_type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("EventType"));
                            }
                            event_type__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::FromAccount => {
                            if from_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("From_Account"));
                            }
                            from_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::ToAccount => {
                            if to_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("To_Account"));
                            }
                            to_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::PushPlatform => {
                            if push_platform__.is_some() {
                                return Err(serde::de::Error::duplicate_field("PushPlatform"));
                            }
                            push_platform__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::PushStage => {
                            if push_stage__.is_some() {
                                return Err(serde::de::Error::duplicate_field("PushStage"));
                            }
                            push_stage__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::MsgKey => {
                            if msg_key__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgKey"));
                            }
                            msg_key__ = Some(map_.next_value()?);
                        }
                        GeneratedField::GroupId => {
                            if group_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("GroupID"));
                            }
                            group_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::MsgSeq => {
                            if msg_seq__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgSeq"));
                            }
                            msg_seq__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::MsgRandom => {
                            if msg_random__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgRandom"));
                            }
                            msg_random__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::MsgTime => {
                            if msg_time__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgTime"));
                            }
                            msg_time__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::ErrCode => {
                            if err_code__.is_some() {
                                return Err(serde::de::Error::duplicate_field("ErrCode"));
                            }
                            err_code__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::ErrInfo => {
                            if err_info__.is_some() {
                                return Err(serde::de::Error::duplicate_field("ErrInfo"));
                            }
                            err_info__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Events => {
                            if events__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Events"));
                            }
                            events__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(PushOfflinePush {
                    event_type: event_type__.unwrap_or_default(),
                    from_account: from_account__.unwrap_or_default(),
                    to_account: to_account__.unwrap_or_default(),
                    push_platform: push_platform__.unwrap_or_default(),
                    push_stage: push_stage__.unwrap_or_default(),
                    msg_key: msg_key__.unwrap_or_default(),
                    group_id: group_id__.unwrap_or_default(),
                    msg_seq: msg_seq__.unwrap_or_default(),
                    msg_random: msg_random__.unwrap_or_default(),
                    msg_time: msg_time__.unwrap_or_default(),
                    err_code: err_code__.unwrap_or_default(),
                    err_info: err_info__.unwrap_or_default(),
                    events: events__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.PushOfflinePush", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for PushOfflinePushResult {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.callback_command.is_empty() {
            len += 1;
        }
        if self.event_type != 0 {
            len += 1;
        }
        if self.event_time != 0 {
            len += 1;
        }
        if !self.from_account.is_empty() {
            len += 1;
        }
        if !self.to_account.is_empty() {
            len += 1;
        }
        if self.push_platform != 0 {
            len += 1;
        }
        if self.push_stage != 0 {
            len += 1;
        }
        if !self.msg_key.is_empty() {
            len += 1;
        }
        if !self.group_id.is_empty() {
            len += 1;
        }
        if self.msg_seq != 0 {
            len += 1;
        }
        if self.msg_random != 0 {
            len += 1;
        }
        if self.msg_time != 0 {
            len += 1;
        }
        if !self.push_id.is_empty() {
            len += 1;
        }
        if self.err_code != 0 {
            len += 1;
        }
        if !self.err_info.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.PushOfflinePushResult", len)?;
        if !self.callback_command.is_empty() {
            struct_ser.serialize_field("CallbackCommand", &self.callback_command)?;
        }
        if self.event_type != 0 {
            struct_ser.serialize_field("EventType", &self.event_type)?;
        }
        if self.event_time != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("EventTime", ToString::to_string(&self.event_time).as_str())?;
        }
        if !self.from_account.is_empty() {
            struct_ser.serialize_field("From_Account", &self.from_account)?;
        }
        if !self.to_account.is_empty() {
            struct_ser.serialize_field("To_Account", &self.to_account)?;
        }
        if self.push_platform != 0 {
            struct_ser.serialize_field("PushPlatform", &self.push_platform)?;
        }
        if self.push_stage != 0 {
            struct_ser.serialize_field("PushStage", &self.push_stage)?;
        }
        if !self.msg_key.is_empty() {
            struct_ser.serialize_field("MsgKey", &self.msg_key)?;
        }
        if !self.group_id.is_empty() {
            struct_ser.serialize_field("GroupID", &self.group_id)?;
        }
        if self.msg_seq != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("MsgSeq", ToString::to_string(&self.msg_seq).as_str())?;
        }
        if self.msg_random != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("MsgRandom", ToString::to_string(&self.msg_random).as_str())?;
        }
        if self.msg_time != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("MsgTime", ToString::to_string(&self.msg_time).as_str())?;
        }
        if !self.push_id.is_empty() {
            struct_ser.serialize_field("PushID", &self.push_id)?;
        }
        if self.err_code != 0 {
            struct_ser.serialize_field("ErrCode", &self.err_code)?;
        }
        if !self.err_info.is_empty() {
            struct_ser.serialize_field("ErrInfo", &self.err_info)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for PushOfflinePushResult {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "callback_command",
            "CallbackCommand",
            "event_type",
            "EventType",
            "event_time",
            "EventTime",
            "from_account",
            "From_Account",
            "to_account",
            "To_Account",
            "push_platform",
            "PushPlatform",
            "push_stage",
            "PushStage",
            "msg_key",
            "MsgKey",
            "group_id",
            "GroupID",
            "msg_seq",
            "MsgSeq",
            "msg_random",
            "MsgRandom",
            "msg_time",
            "MsgTime",
            "push_id",
            "PushID",
            "err_code",
            "ErrCode",
            "err_info",
            "ErrInfo",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            CallbackCommand,
            EventType,
            EventTime,
            FromAccount,
            ToAccount,
            PushPlatform,
            PushStage,
            MsgKey,
            GroupId,
            MsgSeq,
            MsgRandom,
            MsgTime,
            PushId,
            ErrCode,
            ErrInfo,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "CallbackCommand" | "callback_command" => Ok(GeneratedField::CallbackCommand),
                            "EventType" | "event_type" => Ok(GeneratedField::EventType),
                            "EventTime" | "event_time" => Ok(GeneratedField::EventTime),
                            "From_Account" | "from_account" => Ok(GeneratedField::FromAccount),
                            "To_Account" | "to_account" => Ok(GeneratedField::ToAccount),
                            "PushPlatform" | "push_platform" => Ok(GeneratedField::PushPlatform),
                            "PushStage" | "push_stage" => Ok(GeneratedField::PushStage),
                            "MsgKey" | "msg_key" => Ok(GeneratedField::MsgKey),
                            "GroupID" | "group_id" => Ok(GeneratedField::GroupId),
                            "MsgSeq" | "msg_seq" => Ok(GeneratedField::MsgSeq),
                            "MsgRandom" | "msg_random" => Ok(GeneratedField::MsgRandom),
                            "MsgTime" | "msg_time" => Ok(GeneratedField::MsgTime),
                            "PushID" | "push_id" => Ok(GeneratedField::PushId),
                            "ErrCode" | "err_code" => Ok(GeneratedField::ErrCode),
                            "ErrInfo" | "err_info" => Ok(GeneratedField::ErrInfo),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = PushOfflinePushResult;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.PushOfflinePushResult")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<PushOfflinePushResult, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut callback_command__ = None;
                let mut event_type__ = None;
                let mut event_time__ = None;
                let mut from_account__ = None;
                let mut to_account__ = None;
                let mut push_platform__ = None;
                let mut push_stage__ = None;
                let mut msg_key__ = None;
                let mut group_id__ = None;
                let mut msg_seq__ = None;
                let mut msg_random__ = None;
                let mut msg_time__ = None;
                let mut push_id__ = None;
                let mut err_code__ = None;
                let mut err_info__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::CallbackCommand => {
                            if callback_command__.is_some() {
                                return Err(serde::de::Error::duplicate_field("CallbackCommand"));
                            }
                            callback_command__ = Some(map_.next_value()?);
                        }
                        GeneratedField::EventType => {
                            if event_type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("EventType"));
                            }
                            event_type__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::EventTime => {
                            if event_time__.is_some() {
                                return Err(serde::de::Error::duplicate_field("EventTime"));
                            }
                            event_time__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::FromAccount => {
                            if from_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("From_Account"));
                            }
                            from_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::ToAccount => {
                            if to_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("To_Account"));
                            }
                            to_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::PushPlatform => {
                            if push_platform__.is_some() {
                                return Err(serde::de::Error::duplicate_field("PushPlatform"));
                            }
                            push_platform__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::PushStage => {
                            if push_stage__.is_some() {
                                return Err(serde::de::Error::duplicate_field("PushStage"));
                            }
                            push_stage__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::MsgKey => {
                            if msg_key__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgKey"));
                            }
                            msg_key__ = Some(map_.next_value()?);
                        }
                        GeneratedField::GroupId => {
                            if group_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("GroupID"));
                            }
                            group_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::MsgSeq => {
                            if msg_seq__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgSeq"));
                            }
                            msg_seq__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::MsgRandom => {
                            if msg_random__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgRandom"));
                            }
                            msg_random__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::MsgTime => {
                            if msg_time__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgTime"));
                            }
                            msg_time__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::PushId => {
                            if push_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("PushID"));
                            }
                            push_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::ErrCode => {
                            if err_code__.is_some() {
                                return Err(serde::de::Error::duplicate_field("ErrCode"));
                            }
                            err_code__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::ErrInfo => {
                            if err_info__.is_some() {
                                return Err(serde::de::Error::duplicate_field("ErrInfo"));
                            }
                            err_info__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(PushOfflinePushResult {
                    callback_command: callback_command__.unwrap_or_default(),
                    event_type: event_type__.unwrap_or_default(),
                    event_time: event_time__.unwrap_or_default(),
                    from_account: from_account__.unwrap_or_default(),
                    to_account: to_account__.unwrap_or_default(),
                    push_platform: push_platform__.unwrap_or_default(),
                    push_stage: push_stage__.unwrap_or_default(),
                    msg_key: msg_key__.unwrap_or_default(),
                    group_id: group_id__.unwrap_or_default(),
                    msg_seq: msg_seq__.unwrap_or_default(),
                    msg_random: msg_random__.unwrap_or_default(),
                    msg_time: msg_time__.unwrap_or_default(),
                    push_id: push_id__.unwrap_or_default(),
                    err_code: err_code__.unwrap_or_default(),
                    err_info: err_info__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.PushOfflinePushResult", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for Refusal {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.time.is_some() {
            len += 1;
        }
        if !self.peer.is_empty() {
            len += 1;
        }
        if self.http_status != 0 {
            len += 1;
        }
        if self.reason != 0 {
            len += 1;
        }
        if !self.error_info.is_empty() {
            len += 1;
        }
        if self.sdk_app_id != 0 {
            len += 1;
        }
        if !self.command.is_empty() {
            len += 1;
        }
        if self.body_bytes.is_some() {
            len += 1;
        }
        if self.clock_skew.is_some() {
            len += 1;
        }
        if !self.detail.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.Refusal", len)?;
        if let Some(v) = self.time.as_ref() {
            struct_ser.serialize_field("time", v)?;
        }
        if !self.peer.is_empty() {
            struct_ser.serialize_field("peer", &self.peer)?;
        }
        if self.http_status != 0 {
            struct_ser.serialize_field("httpStatus", &self.http_status)?;
        }
        if self.reason != 0 {
            let v = RefusalReason::try_from(self.reason)
                .map_err(|_| serde::ser::Error::custom(format!("Invalid variant {}", self.reason)))?;
            struct_ser.serialize_field("reason", &v)?;
        }
        if !self.error_info.is_empty() {
            struct_ser.serialize_field("errorInfo", &self.error_info)?;
        }
        if self.sdk_app_id != 0 {
            struct_ser.serialize_field("sdkAppId", &self.sdk_app_id)?;
        }
        if !self.command.is_empty() {
            struct_ser.serialize_field("command", &self.command)?;
        }
        if let Some(v) = self.body_bytes.as_ref() {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("bodyBytes", ToString::to_string(&v).as_str())?;
        }
        if let Some(v) = self.clock_skew.as_ref() {
            struct_ser.serialize_field("clockSkew", v)?;
        }
        if !self.detail.is_empty() {
            struct_ser.serialize_field("detail", &self.detail)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for Refusal {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "time",
            "peer",
            "http_status",
            "httpStatus",
            "reason",
            "error_info",
            "errorInfo",
            "sdk_app_id",
            "sdkAppId",
            "command",
            "body_bytes",
            "bodyBytes",
            "clock_skew",
            "clockSkew",
            "detail",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Time,
            Peer,
            HttpStatus,
            Reason,
            ErrorInfo,
            SdkAppId,
            Command,
            BodyBytes,
            ClockSkew,
            Detail,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "time" => Ok(GeneratedField::Time),
                            "peer" => Ok(GeneratedField::Peer),
                            "httpStatus" | "http_status" => Ok(GeneratedField::HttpStatus),
                            "reason" => Ok(GeneratedField::Reason),
                            "errorInfo" | "error_info" => Ok(GeneratedField::ErrorInfo),
                            "sdkAppId" | "sdk_app_id" => Ok(GeneratedField::SdkAppId),
                            "command" => Ok(GeneratedField::Command),
                            "bodyBytes" | "body_bytes" => Ok(GeneratedField::BodyBytes),
                            "clockSkew" | "clock_skew" => Ok(GeneratedField::ClockSkew),
                            "detail" => Ok(GeneratedField::Detail),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = Refusal;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.Refusal")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<Refusal, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut time__ = None;
                let mut peer__ = None;
                let mut http_status__ = None;
                let mut reason__ = None;
                let mut error_info__ = None;
                let mut sdk_app_id__ = None;
                let mut command__ = None;
                let mut body_bytes__ = None;
                let mut clock_skew__ = None;
                let mut detail__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Time => {
                            if time__.is_some() {
                                return Err(serde::de::Error::duplicate_field("time"));
                            }
                            time__ = map_.next_value()?;
                        }
                        GeneratedField::Peer => {
                            if peer__.is_some() {
                                return Err(serde::de::Error::duplicate_field("peer"));
                            }
                            peer__ = Some(map_.next_value()?);
                        }
                        GeneratedField::HttpStatus => {
                            if http_status__.is_some() {
                                return Err(serde::de::Error::duplicate_field("httpStatus"));
                            }
                            http_status__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Reason => {
                            if reason__.is_some() {
                                return Err(serde::de::Error::duplicate_field("reason"));
                            }
                            reason__ = Some(map_.next_value::<RefusalReason>()? as i32);
                        }
                        GeneratedField::ErrorInfo => {
                            if error_info__.is_some() {
                                return Err(serde::de::Error::duplicate_field("errorInfo"));
                            }
                            error_info__ = Some(map_.next_value()?);
                        }
                        GeneratedField::SdkAppId => {
                            if sdk_app_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("sdkAppId"));
                            }
                            sdk_app_id__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Command => {
                            if command__.is_some() {
                                return Err(serde::de::Error::duplicate_field("command"));
                            }
                            command__ = Some(map_.next_value()?);
                        }
                        GeneratedField::BodyBytes => {
                            if body_bytes__.is_some() {
                                return Err(serde::de::Error::duplicate_field("bodyBytes"));
                            }
                            body_bytes__ = 
                                map_.next_value::<::std::option::Option<::pbjson::private::NumberDeserialize<_>>>()?.map(|x| x.0)
                            ;
                        }
                        GeneratedField::ClockSkew => {
                            if clock_skew__.is_some() {
                                return Err(serde::de::Error::duplicate_field("clockSkew"));
                            }
                            clock_skew__ = map_.next_value()?;
                        }
                        GeneratedField::Detail => {
                            if detail__.is_some() {
                                return Err(serde::de::Error::duplicate_field("detail"));
                            }
                            detail__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(Refusal {
                    time: time__,
                    peer: peer__.unwrap_or_default(),
                    http_status: http_status__.unwrap_or_default(),
                    reason: reason__.unwrap_or_default(),
                    error_info: error_info__.unwrap_or_default(),
                    sdk_app_id: sdk_app_id__.unwrap_or_default(),
                    command: command__.unwrap_or_default(),
                    body_bytes: body_bytes__,
                    clock_skew: clock_skew__,
                    detail: detail__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.Refusal", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for RefusalCount {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.reason != 0 {
            len += 1;
        }
        if self.count != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.RefusalCount", len)?;
        if self.reason != 0 {
            let v = RefusalReason::try_from(self.reason)
                .map_err(|_| serde::ser::Error::custom(format!("Invalid variant {}", self.reason)))?;
            struct_ser.serialize_field("reason", &v)?;
        }
        if self.count != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("count", ToString::to_string(&self.count).as_str())?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for RefusalCount {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "reason",
            "count",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Reason,
            Count,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "reason" => Ok(GeneratedField::Reason),
                            "count" => Ok(GeneratedField::Count),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = RefusalCount;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.RefusalCount")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<RefusalCount, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut reason__ = None;
                let mut count__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Reason => {
                            if reason__.is_some() {
                                return Err(serde::de::Error::duplicate_field("reason"));
                            }
                            reason__ = Some(map_.next_value::<RefusalReason>()? as i32);
                        }
                        GeneratedField::Count => {
                            if count__.is_some() {
                                return Err(serde::de::Error::duplicate_field("count"));
                            }
                            count__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(RefusalCount {
                    reason: reason__.unwrap_or_default(),
                    count: count__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.RefusalCount", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for RefusalReason {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::Unspecified => "REFUSAL_REASON_UNSPECIFIED",
            Self::Method => "REFUSAL_REASON_METHOD",
            Self::Path => "REFUSAL_REASON_PATH",
            Self::BodyTimeout => "REFUSAL_REASON_BODY_TIMEOUT",
            Self::BodyBroken => "REFUSAL_REASON_BODY_BROKEN",
            Self::BodyTooLarge => "REFUSAL_REASON_BODY_TOO_LARGE",
            Self::ContentEncoding => "REFUSAL_REASON_CONTENT_ENCODING",
            Self::Framing => "REFUSAL_REASON_FRAMING",
            Self::ParameterRepeated => "REFUSAL_REASON_PARAMETER_REPEATED",
            Self::AppIdMissing => "REFUSAL_REASON_APP_ID_MISSING",
            Self::AppIdUnknown => "REFUSAL_REASON_APP_ID_UNKNOWN",
            Self::SignMissing => "REFUSAL_REASON_SIGN_MISSING",
            Self::SignWrong => "REFUSAL_REASON_SIGN_WRONG",
            Self::RequestTimeMissing => "REFUSAL_REASON_REQUEST_TIME_MISSING",
            Self::RequestTimeMalformed => "REFUSAL_REASON_REQUEST_TIME_MALFORMED",
            Self::RequestTimeOutside => "REFUSAL_REASON_REQUEST_TIME_OUTSIDE",
            Self::CommandMissing => "REFUSAL_REASON_COMMAND_MISSING",
            Self::CommandInvalid => "REFUSAL_REASON_COMMAND_INVALID",
            Self::Busy => "REFUSAL_REASON_BUSY",
            Self::Late => "REFUSAL_REASON_LATE",
            Self::LogRecovering => "REFUSAL_REASON_LOG_RECOVERING",
            Self::LogFailed => "REFUSAL_REASON_LOG_FAILED",
            Self::LogClosed => "REFUSAL_REASON_LOG_CLOSED",
        };
        serializer.serialize_str(variant)
    }
}
impl<'de> serde::Deserialize<'de> for RefusalReason {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "REFUSAL_REASON_UNSPECIFIED",
            "REFUSAL_REASON_METHOD",
            "REFUSAL_REASON_PATH",
            "REFUSAL_REASON_BODY_TIMEOUT",
            "REFUSAL_REASON_BODY_BROKEN",
            "REFUSAL_REASON_BODY_TOO_LARGE",
            "REFUSAL_REASON_CONTENT_ENCODING",
            "REFUSAL_REASON_FRAMING",
            "REFUSAL_REASON_PARAMETER_REPEATED",
            "REFUSAL_REASON_APP_ID_MISSING",
            "REFUSAL_REASON_APP_ID_UNKNOWN",
            "REFUSAL_REASON_SIGN_MISSING",
            "REFUSAL_REASON_SIGN_WRONG",
            "REFUSAL_REASON_REQUEST_TIME_MISSING",
            "REFUSAL_REASON_REQUEST_TIME_MALFORMED",
            "REFUSAL_REASON_REQUEST_TIME_OUTSIDE",
            "REFUSAL_REASON_COMMAND_MISSING",
            "REFUSAL_REASON_COMMAND_INVALID",
            "REFUSAL_REASON_BUSY",
            "REFUSAL_REASON_LATE",
            "REFUSAL_REASON_LOG_RECOVERING",
            "REFUSAL_REASON_LOG_FAILED",
            "REFUSAL_REASON_LOG_CLOSED",
        ];

        struct GeneratedVisitor;

        impl serde::de::Visitor<'_> for GeneratedVisitor {
            type Value = RefusalReason;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, "expected one of: {:?}", &FIELDS)
            }

            fn visit_i64<E>(self, v: i64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Signed(v), &self)
                    })
            }

            fn visit_u64<E>(self, v: u64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Unsigned(v), &self)
                    })
            }

            fn visit_str<E>(self, value: &str) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                match value {
                    "REFUSAL_REASON_UNSPECIFIED" => Ok(RefusalReason::Unspecified),
                    "REFUSAL_REASON_METHOD" => Ok(RefusalReason::Method),
                    "REFUSAL_REASON_PATH" => Ok(RefusalReason::Path),
                    "REFUSAL_REASON_BODY_TIMEOUT" => Ok(RefusalReason::BodyTimeout),
                    "REFUSAL_REASON_BODY_BROKEN" => Ok(RefusalReason::BodyBroken),
                    "REFUSAL_REASON_BODY_TOO_LARGE" => Ok(RefusalReason::BodyTooLarge),
                    "REFUSAL_REASON_CONTENT_ENCODING" => Ok(RefusalReason::ContentEncoding),
                    "REFUSAL_REASON_FRAMING" => Ok(RefusalReason::Framing),
                    "REFUSAL_REASON_PARAMETER_REPEATED" => Ok(RefusalReason::ParameterRepeated),
                    "REFUSAL_REASON_APP_ID_MISSING" => Ok(RefusalReason::AppIdMissing),
                    "REFUSAL_REASON_APP_ID_UNKNOWN" => Ok(RefusalReason::AppIdUnknown),
                    "REFUSAL_REASON_SIGN_MISSING" => Ok(RefusalReason::SignMissing),
                    "REFUSAL_REASON_SIGN_WRONG" => Ok(RefusalReason::SignWrong),
                    "REFUSAL_REASON_REQUEST_TIME_MISSING" => Ok(RefusalReason::RequestTimeMissing),
                    "REFUSAL_REASON_REQUEST_TIME_MALFORMED" => Ok(RefusalReason::RequestTimeMalformed),
                    "REFUSAL_REASON_REQUEST_TIME_OUTSIDE" => Ok(RefusalReason::RequestTimeOutside),
                    "REFUSAL_REASON_COMMAND_MISSING" => Ok(RefusalReason::CommandMissing),
                    "REFUSAL_REASON_COMMAND_INVALID" => Ok(RefusalReason::CommandInvalid),
                    "REFUSAL_REASON_BUSY" => Ok(RefusalReason::Busy),
                    "REFUSAL_REASON_LATE" => Ok(RefusalReason::Late),
                    "REFUSAL_REASON_LOG_RECOVERING" => Ok(RefusalReason::LogRecovering),
                    "REFUSAL_REASON_LOG_FAILED" => Ok(RefusalReason::LogFailed),
                    "REFUSAL_REASON_LOG_CLOSED" => Ok(RefusalReason::LogClosed),
                    _ => Err(serde::de::Error::unknown_variant(value, FIELDS)),
                }
            }
        }
        deserializer.deserialize_any(GeneratedVisitor)
    }
}
impl serde::Serialize for SnsBlackListChange {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.pair_list.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.SnsBlackListChange", len)?;
        if !self.pair_list.is_empty() {
            struct_ser.serialize_field("PairList", &self.pair_list)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for SnsBlackListChange {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "pair_list",
            "PairList",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            PairList,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "PairList" | "pair_list" => Ok(GeneratedField::PairList),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = SnsBlackListChange;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.SnsBlackListChange")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<SnsBlackListChange, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut pair_list__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::PairList => {
                            if pair_list__.is_some() {
                                return Err(serde::de::Error::duplicate_field("PairList"));
                            }
                            pair_list__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(SnsBlackListChange {
                    pair_list: pair_list__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.SnsBlackListChange", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for SnsFriendAdd {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.pair_list.is_empty() {
            len += 1;
        }
        if !self.client_cmd.is_empty() {
            len += 1;
        }
        if !self.admin_account.is_empty() {
            len += 1;
        }
        if self.force_flag != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.SnsFriendAdd", len)?;
        if !self.pair_list.is_empty() {
            struct_ser.serialize_field("PairList", &self.pair_list)?;
        }
        if !self.client_cmd.is_empty() {
            struct_ser.serialize_field("ClientCmd", &self.client_cmd)?;
        }
        if !self.admin_account.is_empty() {
            struct_ser.serialize_field("Admin_Account", &self.admin_account)?;
        }
        if self.force_flag != 0 {
            struct_ser.serialize_field("ForceFlag", &self.force_flag)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for SnsFriendAdd {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "pair_list",
            "PairList",
            "client_cmd",
            "ClientCmd",
            "admin_account",
            "Admin_Account",
            "force_flag",
            "ForceFlag",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            PairList,
            ClientCmd,
            AdminAccount,
            ForceFlag,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "PairList" | "pair_list" => Ok(GeneratedField::PairList),
                            "ClientCmd" | "client_cmd" => Ok(GeneratedField::ClientCmd),
                            "Admin_Account" | "admin_account" => Ok(GeneratedField::AdminAccount),
                            "ForceFlag" | "force_flag" => Ok(GeneratedField::ForceFlag),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = SnsFriendAdd;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.SnsFriendAdd")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<SnsFriendAdd, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut pair_list__ = None;
                let mut client_cmd__ = None;
                let mut admin_account__ = None;
                let mut force_flag__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::PairList => {
                            if pair_list__.is_some() {
                                return Err(serde::de::Error::duplicate_field("PairList"));
                            }
                            pair_list__ = Some(map_.next_value()?);
                        }
                        GeneratedField::ClientCmd => {
                            if client_cmd__.is_some() {
                                return Err(serde::de::Error::duplicate_field("ClientCmd"));
                            }
                            client_cmd__ = Some(map_.next_value()?);
                        }
                        GeneratedField::AdminAccount => {
                            if admin_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Admin_Account"));
                            }
                            admin_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::ForceFlag => {
                            if force_flag__.is_some() {
                                return Err(serde::de::Error::duplicate_field("ForceFlag"));
                            }
                            force_flag__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(SnsFriendAdd {
                    pair_list: pair_list__.unwrap_or_default(),
                    client_cmd: client_cmd__.unwrap_or_default(),
                    admin_account: admin_account__.unwrap_or_default(),
                    force_flag: force_flag__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.SnsFriendAdd", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for SnsFriendDelete {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.pair_list.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.SnsFriendDelete", len)?;
        if !self.pair_list.is_empty() {
            struct_ser.serialize_field("PairList", &self.pair_list)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for SnsFriendDelete {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "pair_list",
            "PairList",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            PairList,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "PairList" | "pair_list" => Ok(GeneratedField::PairList),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = SnsFriendDelete;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.SnsFriendDelete")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<SnsFriendDelete, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut pair_list__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::PairList => {
                            if pair_list__.is_some() {
                                return Err(serde::de::Error::duplicate_field("PairList"));
                            }
                            pair_list__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(SnsFriendDelete {
                    pair_list: pair_list__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.SnsFriendDelete", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for SnsPrevFriendAdd {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.requester_account.is_empty() {
            len += 1;
        }
        if !self.from_account.is_empty() {
            len += 1;
        }
        if !self.friend_item.is_empty() {
            len += 1;
        }
        if !self.add_type.is_empty() {
            len += 1;
        }
        if self.force_add_flags != 0 {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.SnsPrevFriendAdd", len)?;
        if !self.requester_account.is_empty() {
            struct_ser.serialize_field("Requester_Account", &self.requester_account)?;
        }
        if !self.from_account.is_empty() {
            struct_ser.serialize_field("From_Account", &self.from_account)?;
        }
        if !self.friend_item.is_empty() {
            struct_ser.serialize_field("FriendItem", &self.friend_item)?;
        }
        if !self.add_type.is_empty() {
            struct_ser.serialize_field("AddType", &self.add_type)?;
        }
        if self.force_add_flags != 0 {
            struct_ser.serialize_field("ForceAddFlags", &self.force_add_flags)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for SnsPrevFriendAdd {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "requester_account",
            "Requester_Account",
            "from_account",
            "From_Account",
            "friend_item",
            "FriendItem",
            "add_type",
            "AddType",
            "force_add_flags",
            "ForceAddFlags",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            RequesterAccount,
            FromAccount,
            FriendItem,
            AddType,
            ForceAddFlags,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "Requester_Account" | "requester_account" => Ok(GeneratedField::RequesterAccount),
                            "From_Account" | "from_account" => Ok(GeneratedField::FromAccount),
                            "FriendItem" | "friend_item" => Ok(GeneratedField::FriendItem),
                            "AddType" | "add_type" => Ok(GeneratedField::AddType),
                            "ForceAddFlags" | "force_add_flags" => Ok(GeneratedField::ForceAddFlags),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = SnsPrevFriendAdd;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.SnsPrevFriendAdd")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<SnsPrevFriendAdd, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut requester_account__ = None;
                let mut from_account__ = None;
                let mut friend_item__ = None;
                let mut add_type__ = None;
                let mut force_add_flags__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::RequesterAccount => {
                            if requester_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Requester_Account"));
                            }
                            requester_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::FromAccount => {
                            if from_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("From_Account"));
                            }
                            from_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::FriendItem => {
                            if friend_item__.is_some() {
                                return Err(serde::de::Error::duplicate_field("FriendItem"));
                            }
                            friend_item__ = Some(map_.next_value()?);
                        }
                        GeneratedField::AddType => {
                            if add_type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("AddType"));
                            }
                            add_type__ = Some(map_.next_value()?);
                        }
                        GeneratedField::ForceAddFlags => {
                            if force_add_flags__.is_some() {
                                return Err(serde::de::Error::duplicate_field("ForceAddFlags"));
                            }
                            force_add_flags__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(SnsPrevFriendAdd {
                    requester_account: requester_account__.unwrap_or_default(),
                    from_account: from_account__.unwrap_or_default(),
                    friend_item: friend_item__.unwrap_or_default(),
                    add_type: add_type__.unwrap_or_default(),
                    force_add_flags: force_add_flags__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.SnsPrevFriendAdd", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for SnsPrevFriendResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.requester_account.is_empty() {
            len += 1;
        }
        if !self.from_account.is_empty() {
            len += 1;
        }
        if !self.response_friend_item.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.SnsPrevFriendResponse", len)?;
        if !self.requester_account.is_empty() {
            struct_ser.serialize_field("Requester_Account", &self.requester_account)?;
        }
        if !self.from_account.is_empty() {
            struct_ser.serialize_field("From_Account", &self.from_account)?;
        }
        if !self.response_friend_item.is_empty() {
            struct_ser.serialize_field("ResponseFriendItem", &self.response_friend_item)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for SnsPrevFriendResponse {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "requester_account",
            "Requester_Account",
            "from_account",
            "From_Account",
            "response_friend_item",
            "ResponseFriendItem",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            RequesterAccount,
            FromAccount,
            ResponseFriendItem,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "Requester_Account" | "requester_account" => Ok(GeneratedField::RequesterAccount),
                            "From_Account" | "from_account" => Ok(GeneratedField::FromAccount),
                            "ResponseFriendItem" | "response_friend_item" => Ok(GeneratedField::ResponseFriendItem),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = SnsPrevFriendResponse;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.SnsPrevFriendResponse")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<SnsPrevFriendResponse, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut requester_account__ = None;
                let mut from_account__ = None;
                let mut response_friend_item__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::RequesterAccount => {
                            if requester_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Requester_Account"));
                            }
                            requester_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::FromAccount => {
                            if from_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("From_Account"));
                            }
                            from_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::ResponseFriendItem => {
                            if response_friend_item__.is_some() {
                                return Err(serde::de::Error::duplicate_field("ResponseFriendItem"));
                            }
                            response_friend_item__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(SnsPrevFriendResponse {
                    requester_account: requester_account__.unwrap_or_default(),
                    from_account: from_account__.unwrap_or_default(),
                    response_friend_item: response_friend_item__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.SnsPrevFriendResponse", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for StateChange {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.info.is_some() {
            len += 1;
        }
        if !self.kicked_device.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.StateChange", len)?;
        if let Some(v) = self.info.as_ref() {
            struct_ser.serialize_field("Info", v)?;
        }
        if !self.kicked_device.is_empty() {
            struct_ser.serialize_field("KickedDevice", &self.kicked_device)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for StateChange {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "info",
            "Info",
            "kicked_device",
            "KickedDevice",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Info,
            KickedDevice,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "Info" | "info" => Ok(GeneratedField::Info),
                            "KickedDevice" | "kicked_device" => Ok(GeneratedField::KickedDevice),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = StateChange;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.StateChange")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<StateChange, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut info__ = None;
                let mut kicked_device__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Info => {
                            if info__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Info"));
                            }
                            info__ = map_.next_value()?;
                        }
                        GeneratedField::KickedDevice => {
                            if kicked_device__.is_some() {
                                return Err(serde::de::Error::duplicate_field("KickedDevice"));
                            }
                            kicked_device__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(StateChange {
                    info: info__,
                    kicked_device: kicked_device__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.StateChange", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for StateChangeInfo {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.action.is_empty() {
            len += 1;
        }
        if !self.to_account.is_empty() {
            len += 1;
        }
        if !self.reason.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.StateChangeInfo", len)?;
        if !self.action.is_empty() {
            struct_ser.serialize_field("Action", &self.action)?;
        }
        if !self.to_account.is_empty() {
            struct_ser.serialize_field("To_Account", &self.to_account)?;
        }
        if !self.reason.is_empty() {
            struct_ser.serialize_field("Reason", &self.reason)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for StateChangeInfo {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "action",
            "Action",
            "to_account",
            "To_Account",
            "reason",
            "Reason",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Action,
            ToAccount,
            Reason,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "Action" | "action" => Ok(GeneratedField::Action),
                            "To_Account" | "to_account" => Ok(GeneratedField::ToAccount),
                            "Reason" | "reason" => Ok(GeneratedField::Reason),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = StateChangeInfo;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.StateChangeInfo")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<StateChangeInfo, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut action__ = None;
                let mut to_account__ = None;
                let mut reason__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Action => {
                            if action__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Action"));
                            }
                            action__ = Some(map_.next_value()?);
                        }
                        GeneratedField::ToAccount => {
                            if to_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("To_Account"));
                            }
                            to_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Reason => {
                            if reason__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Reason"));
                            }
                            reason__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(StateChangeInfo {
                    action: action__.unwrap_or_default(),
                    to_account: to_account__.unwrap_or_default(),
                    reason: reason__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.StateChangeInfo", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for SubscribeRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.filter.is_some() {
            len += 1;
        }
        if self.include_raw_body {
            len += 1;
        }
        if self.heartbeat_interval.is_some() {
            len += 1;
        }
        if self.on_gap != 0 {
            len += 1;
        }
        if !self.subscriber.is_empty() {
            len += 1;
        }
        if self.start.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.SubscribeRequest", len)?;
        if let Some(v) = self.filter.as_ref() {
            struct_ser.serialize_field("filter", v)?;
        }
        if self.include_raw_body {
            struct_ser.serialize_field("includeRawBody", &self.include_raw_body)?;
        }
        if let Some(v) = self.heartbeat_interval.as_ref() {
            struct_ser.serialize_field("heartbeatInterval", v)?;
        }
        if self.on_gap != 0 {
            let v = GapPolicy::try_from(self.on_gap)
                .map_err(|_| serde::ser::Error::custom(format!("Invalid variant {}", self.on_gap)))?;
            struct_ser.serialize_field("onGap", &v)?;
        }
        if !self.subscriber.is_empty() {
            struct_ser.serialize_field("subscriber", &self.subscriber)?;
        }
        if let Some(v) = self.start.as_ref() {
            match v {
                subscribe_request::Start::Latest(v) => {
                    struct_ser.serialize_field("latest", v)?;
                }
                subscribe_request::Start::Earliest(v) => {
                    struct_ser.serialize_field("earliest", v)?;
                }
                subscribe_request::Start::AfterCursor(v) => {
                    struct_ser.serialize_field("afterCursor", v)?;
                }
                subscribe_request::Start::AtTime(v) => {
                    struct_ser.serialize_field("atTime", v)?;
                }
            }
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for SubscribeRequest {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "filter",
            "include_raw_body",
            "includeRawBody",
            "heartbeat_interval",
            "heartbeatInterval",
            "on_gap",
            "onGap",
            "subscriber",
            "latest",
            "earliest",
            "after_cursor",
            "afterCursor",
            "at_time",
            "atTime",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Filter,
            IncludeRawBody,
            HeartbeatInterval,
            OnGap,
            Subscriber,
            Latest,
            Earliest,
            AfterCursor,
            AtTime,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "filter" => Ok(GeneratedField::Filter),
                            "includeRawBody" | "include_raw_body" => Ok(GeneratedField::IncludeRawBody),
                            "heartbeatInterval" | "heartbeat_interval" => Ok(GeneratedField::HeartbeatInterval),
                            "onGap" | "on_gap" => Ok(GeneratedField::OnGap),
                            "subscriber" => Ok(GeneratedField::Subscriber),
                            "latest" => Ok(GeneratedField::Latest),
                            "earliest" => Ok(GeneratedField::Earliest),
                            "afterCursor" | "after_cursor" => Ok(GeneratedField::AfterCursor),
                            "atTime" | "at_time" => Ok(GeneratedField::AtTime),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = SubscribeRequest;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.SubscribeRequest")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<SubscribeRequest, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut filter__ = None;
                let mut include_raw_body__ = None;
                let mut heartbeat_interval__ = None;
                let mut on_gap__ = None;
                let mut subscriber__ = None;
                let mut start__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Filter => {
                            if filter__.is_some() {
                                return Err(serde::de::Error::duplicate_field("filter"));
                            }
                            filter__ = map_.next_value()?;
                        }
                        GeneratedField::IncludeRawBody => {
                            if include_raw_body__.is_some() {
                                return Err(serde::de::Error::duplicate_field("includeRawBody"));
                            }
                            include_raw_body__ = Some(map_.next_value()?);
                        }
                        GeneratedField::HeartbeatInterval => {
                            if heartbeat_interval__.is_some() {
                                return Err(serde::de::Error::duplicate_field("heartbeatInterval"));
                            }
                            heartbeat_interval__ = map_.next_value()?;
                        }
                        GeneratedField::OnGap => {
                            if on_gap__.is_some() {
                                return Err(serde::de::Error::duplicate_field("onGap"));
                            }
                            on_gap__ = Some(map_.next_value::<GapPolicy>()? as i32);
                        }
                        GeneratedField::Subscriber => {
                            if subscriber__.is_some() {
                                return Err(serde::de::Error::duplicate_field("subscriber"));
                            }
                            subscriber__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Latest => {
                            if start__.is_some() {
                                return Err(serde::de::Error::duplicate_field("latest"));
                            }
                            start__ = map_.next_value::<::std::option::Option<_>>()?.map(subscribe_request::Start::Latest)
;
                        }
                        GeneratedField::Earliest => {
                            if start__.is_some() {
                                return Err(serde::de::Error::duplicate_field("earliest"));
                            }
                            start__ = map_.next_value::<::std::option::Option<_>>()?.map(subscribe_request::Start::Earliest)
;
                        }
                        GeneratedField::AfterCursor => {
                            if start__.is_some() {
                                return Err(serde::de::Error::duplicate_field("afterCursor"));
                            }
                            start__ = map_.next_value::<::std::option::Option<_>>()?.map(subscribe_request::Start::AfterCursor);
                        }
                        GeneratedField::AtTime => {
                            if start__.is_some() {
                                return Err(serde::de::Error::duplicate_field("atTime"));
                            }
                            start__ = map_.next_value::<::std::option::Option<_>>()?.map(subscribe_request::Start::AtTime)
;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(SubscribeRequest {
                    filter: filter__,
                    include_raw_body: include_raw_body__.unwrap_or_default(),
                    heartbeat_interval: heartbeat_interval__,
                    on_gap: on_gap__.unwrap_or_default(),
                    subscriber: subscriber__.unwrap_or_default(),
                    start: start__,
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.SubscribeRequest", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for SubscribeResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.frame.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.SubscribeResponse", len)?;
        if let Some(v) = self.frame.as_ref() {
            match v {
                subscribe_response::Frame::Subscribed(v) => {
                    struct_ser.serialize_field("subscribed", v)?;
                }
                subscribe_response::Frame::Event(v) => {
                    struct_ser.serialize_field("event", v)?;
                }
                subscribe_response::Frame::Heartbeat(v) => {
                    struct_ser.serialize_field("heartbeat", v)?;
                }
                subscribe_response::Frame::CaughtUp(v) => {
                    struct_ser.serialize_field("caughtUp", v)?;
                }
                subscribe_response::Frame::GoingAway(v) => {
                    struct_ser.serialize_field("goingAway", v)?;
                }
                subscribe_response::Frame::FellBehind(v) => {
                    struct_ser.serialize_field("fellBehind", v)?;
                }
                subscribe_response::Frame::Gap(v) => {
                    struct_ser.serialize_field("gap", v)?;
                }
            }
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for SubscribeResponse {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "subscribed",
            "event",
            "heartbeat",
            "caught_up",
            "caughtUp",
            "going_away",
            "goingAway",
            "fell_behind",
            "fellBehind",
            "gap",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Subscribed,
            Event,
            Heartbeat,
            CaughtUp,
            GoingAway,
            FellBehind,
            Gap,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "subscribed" => Ok(GeneratedField::Subscribed),
                            "event" => Ok(GeneratedField::Event),
                            "heartbeat" => Ok(GeneratedField::Heartbeat),
                            "caughtUp" | "caught_up" => Ok(GeneratedField::CaughtUp),
                            "goingAway" | "going_away" => Ok(GeneratedField::GoingAway),
                            "fellBehind" | "fell_behind" => Ok(GeneratedField::FellBehind),
                            "gap" => Ok(GeneratedField::Gap),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = SubscribeResponse;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.SubscribeResponse")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<SubscribeResponse, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut frame__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Subscribed => {
                            if frame__.is_some() {
                                return Err(serde::de::Error::duplicate_field("subscribed"));
                            }
                            frame__ = map_.next_value::<::std::option::Option<_>>()?.map(subscribe_response::Frame::Subscribed)
;
                        }
                        GeneratedField::Event => {
                            if frame__.is_some() {
                                return Err(serde::de::Error::duplicate_field("event"));
                            }
                            frame__ = map_.next_value::<::std::option::Option<_>>()?.map(subscribe_response::Frame::Event)
;
                        }
                        GeneratedField::Heartbeat => {
                            if frame__.is_some() {
                                return Err(serde::de::Error::duplicate_field("heartbeat"));
                            }
                            frame__ = map_.next_value::<::std::option::Option<_>>()?.map(subscribe_response::Frame::Heartbeat)
;
                        }
                        GeneratedField::CaughtUp => {
                            if frame__.is_some() {
                                return Err(serde::de::Error::duplicate_field("caughtUp"));
                            }
                            frame__ = map_.next_value::<::std::option::Option<_>>()?.map(subscribe_response::Frame::CaughtUp)
;
                        }
                        GeneratedField::GoingAway => {
                            if frame__.is_some() {
                                return Err(serde::de::Error::duplicate_field("goingAway"));
                            }
                            frame__ = map_.next_value::<::std::option::Option<_>>()?.map(subscribe_response::Frame::GoingAway)
;
                        }
                        GeneratedField::FellBehind => {
                            if frame__.is_some() {
                                return Err(serde::de::Error::duplicate_field("fellBehind"));
                            }
                            frame__ = map_.next_value::<::std::option::Option<_>>()?.map(subscribe_response::Frame::FellBehind)
;
                        }
                        GeneratedField::Gap => {
                            if frame__.is_some() {
                                return Err(serde::de::Error::duplicate_field("gap"));
                            }
                            frame__ = map_.next_value::<::std::option::Option<_>>()?.map(subscribe_response::Frame::Gap)
;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(SubscribeResponse {
                    frame: frame__,
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.SubscribeResponse", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for Subscribed {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.cursor.is_empty() {
            len += 1;
        }
        if !self.epoch.is_empty() {
            len += 1;
        }
        if !self.oldest_cursor.is_empty() {
            len += 1;
        }
        if !self.latest_cursor.is_empty() {
            len += 1;
        }
        if self.filter.is_some() {
            len += 1;
        }
        if self.include_raw_body {
            len += 1;
        }
        if self.heartbeat_interval.is_some() {
            len += 1;
        }
        if self.on_gap != 0 {
            len += 1;
        }
        if !self.subscriber.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.Subscribed", len)?;
        if !self.cursor.is_empty() {
            struct_ser.serialize_field("cursor", &self.cursor)?;
        }
        if !self.epoch.is_empty() {
            struct_ser.serialize_field("epoch", &self.epoch)?;
        }
        if !self.oldest_cursor.is_empty() {
            struct_ser.serialize_field("oldestCursor", &self.oldest_cursor)?;
        }
        if !self.latest_cursor.is_empty() {
            struct_ser.serialize_field("latestCursor", &self.latest_cursor)?;
        }
        if let Some(v) = self.filter.as_ref() {
            struct_ser.serialize_field("filter", v)?;
        }
        if self.include_raw_body {
            struct_ser.serialize_field("includeRawBody", &self.include_raw_body)?;
        }
        if let Some(v) = self.heartbeat_interval.as_ref() {
            struct_ser.serialize_field("heartbeatInterval", v)?;
        }
        if self.on_gap != 0 {
            let v = GapPolicy::try_from(self.on_gap)
                .map_err(|_| serde::ser::Error::custom(format!("Invalid variant {}", self.on_gap)))?;
            struct_ser.serialize_field("onGap", &v)?;
        }
        if !self.subscriber.is_empty() {
            struct_ser.serialize_field("subscriber", &self.subscriber)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for Subscribed {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "cursor",
            "epoch",
            "oldest_cursor",
            "oldestCursor",
            "latest_cursor",
            "latestCursor",
            "filter",
            "include_raw_body",
            "includeRawBody",
            "heartbeat_interval",
            "heartbeatInterval",
            "on_gap",
            "onGap",
            "subscriber",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Cursor,
            Epoch,
            OldestCursor,
            LatestCursor,
            Filter,
            IncludeRawBody,
            HeartbeatInterval,
            OnGap,
            Subscriber,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "cursor" => Ok(GeneratedField::Cursor),
                            "epoch" => Ok(GeneratedField::Epoch),
                            "oldestCursor" | "oldest_cursor" => Ok(GeneratedField::OldestCursor),
                            "latestCursor" | "latest_cursor" => Ok(GeneratedField::LatestCursor),
                            "filter" => Ok(GeneratedField::Filter),
                            "includeRawBody" | "include_raw_body" => Ok(GeneratedField::IncludeRawBody),
                            "heartbeatInterval" | "heartbeat_interval" => Ok(GeneratedField::HeartbeatInterval),
                            "onGap" | "on_gap" => Ok(GeneratedField::OnGap),
                            "subscriber" => Ok(GeneratedField::Subscriber),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = Subscribed;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.Subscribed")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<Subscribed, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut cursor__ = None;
                let mut epoch__ = None;
                let mut oldest_cursor__ = None;
                let mut latest_cursor__ = None;
                let mut filter__ = None;
                let mut include_raw_body__ = None;
                let mut heartbeat_interval__ = None;
                let mut on_gap__ = None;
                let mut subscriber__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Cursor => {
                            if cursor__.is_some() {
                                return Err(serde::de::Error::duplicate_field("cursor"));
                            }
                            cursor__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Epoch => {
                            if epoch__.is_some() {
                                return Err(serde::de::Error::duplicate_field("epoch"));
                            }
                            epoch__ = Some(map_.next_value()?);
                        }
                        GeneratedField::OldestCursor => {
                            if oldest_cursor__.is_some() {
                                return Err(serde::de::Error::duplicate_field("oldestCursor"));
                            }
                            oldest_cursor__ = Some(map_.next_value()?);
                        }
                        GeneratedField::LatestCursor => {
                            if latest_cursor__.is_some() {
                                return Err(serde::de::Error::duplicate_field("latestCursor"));
                            }
                            latest_cursor__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Filter => {
                            if filter__.is_some() {
                                return Err(serde::de::Error::duplicate_field("filter"));
                            }
                            filter__ = map_.next_value()?;
                        }
                        GeneratedField::IncludeRawBody => {
                            if include_raw_body__.is_some() {
                                return Err(serde::de::Error::duplicate_field("includeRawBody"));
                            }
                            include_raw_body__ = Some(map_.next_value()?);
                        }
                        GeneratedField::HeartbeatInterval => {
                            if heartbeat_interval__.is_some() {
                                return Err(serde::de::Error::duplicate_field("heartbeatInterval"));
                            }
                            heartbeat_interval__ = map_.next_value()?;
                        }
                        GeneratedField::OnGap => {
                            if on_gap__.is_some() {
                                return Err(serde::de::Error::duplicate_field("onGap"));
                            }
                            on_gap__ = Some(map_.next_value::<GapPolicy>()? as i32);
                        }
                        GeneratedField::Subscriber => {
                            if subscriber__.is_some() {
                                return Err(serde::de::Error::duplicate_field("subscriber"));
                            }
                            subscriber__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(Subscribed {
                    cursor: cursor__.unwrap_or_default(),
                    epoch: epoch__.unwrap_or_default(),
                    oldest_cursor: oldest_cursor__.unwrap_or_default(),
                    latest_cursor: latest_cursor__.unwrap_or_default(),
                    filter: filter__,
                    include_raw_body: include_raw_body__.unwrap_or_default(),
                    heartbeat_interval: heartbeat_interval__,
                    on_gap: on_gap__.unwrap_or_default(),
                    subscriber: subscriber__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.Subscribed", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for Subscriber {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.subscriber_account.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.Subscriber", len)?;
        if !self.subscriber_account.is_empty() {
            struct_ser.serialize_field("Subscriber_Account", &self.subscriber_account)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for Subscriber {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "subscriber_account",
            "Subscriber_Account",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            SubscriberAccount,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "Subscriber_Account" | "subscriber_account" => Ok(GeneratedField::SubscriberAccount),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = Subscriber;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.Subscriber")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<Subscriber, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut subscriber_account__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::SubscriberAccount => {
                            if subscriber_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Subscriber_Account"));
                            }
                            subscriber_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(Subscriber {
                    subscriber_account: subscriber_account__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.Subscriber", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for SubscriberState {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::Unspecified => "SUBSCRIBER_STATE_UNSPECIFIED",
            Self::CatchingUp => "SUBSCRIBER_STATE_CATCHING_UP",
            Self::Live => "SUBSCRIBER_STATE_LIVE",
            Self::Blocked => "SUBSCRIBER_STATE_BLOCKED",
            Self::Ended => "SUBSCRIBER_STATE_ENDED",
        };
        serializer.serialize_str(variant)
    }
}
impl<'de> serde::Deserialize<'de> for SubscriberState {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "SUBSCRIBER_STATE_UNSPECIFIED",
            "SUBSCRIBER_STATE_CATCHING_UP",
            "SUBSCRIBER_STATE_LIVE",
            "SUBSCRIBER_STATE_BLOCKED",
            "SUBSCRIBER_STATE_ENDED",
        ];

        struct GeneratedVisitor;

        impl serde::de::Visitor<'_> for GeneratedVisitor {
            type Value = SubscriberState;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, "expected one of: {:?}", &FIELDS)
            }

            fn visit_i64<E>(self, v: i64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Signed(v), &self)
                    })
            }

            fn visit_u64<E>(self, v: u64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Unsigned(v), &self)
                    })
            }

            fn visit_str<E>(self, value: &str) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                match value {
                    "SUBSCRIBER_STATE_UNSPECIFIED" => Ok(SubscriberState::Unspecified),
                    "SUBSCRIBER_STATE_CATCHING_UP" => Ok(SubscriberState::CatchingUp),
                    "SUBSCRIBER_STATE_LIVE" => Ok(SubscriberState::Live),
                    "SUBSCRIBER_STATE_BLOCKED" => Ok(SubscriberState::Blocked),
                    "SUBSCRIBER_STATE_ENDED" => Ok(SubscriberState::Ended),
                    _ => Err(serde::de::Error::unknown_variant(value, FIELDS)),
                }
            }
        }
        deserializer.deserialize_any(GeneratedVisitor)
    }
}
impl serde::Serialize for SubscriberStatus {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if self.stream_id != 0 {
            len += 1;
        }
        if !self.name.is_empty() {
            len += 1;
        }
        if !self.peer.is_empty() {
            len += 1;
        }
        if self.start_time.is_some() {
            len += 1;
        }
        if self.filter.is_some() {
            len += 1;
        }
        if self.state != 0 {
            len += 1;
        }
        if !self.cursor.is_empty() {
            len += 1;
        }
        if self.lag_events != 0 {
            len += 1;
        }
        if self.lag_time.is_some() {
            len += 1;
        }
        if self.sent_events != 0 {
            len += 1;
        }
        if self.blocked_time.is_some() {
            len += 1;
        }
        if self.end_time.is_some() {
            len += 1;
        }
        if !self.end_reason.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.SubscriberStatus", len)?;
        if self.stream_id != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("streamId", ToString::to_string(&self.stream_id).as_str())?;
        }
        if !self.name.is_empty() {
            struct_ser.serialize_field("name", &self.name)?;
        }
        if !self.peer.is_empty() {
            struct_ser.serialize_field("peer", &self.peer)?;
        }
        if let Some(v) = self.start_time.as_ref() {
            struct_ser.serialize_field("startTime", v)?;
        }
        if let Some(v) = self.filter.as_ref() {
            struct_ser.serialize_field("filter", v)?;
        }
        if self.state != 0 {
            let v = SubscriberState::try_from(self.state)
                .map_err(|_| serde::ser::Error::custom(format!("Invalid variant {}", self.state)))?;
            struct_ser.serialize_field("state", &v)?;
        }
        if !self.cursor.is_empty() {
            struct_ser.serialize_field("cursor", &self.cursor)?;
        }
        if self.lag_events != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("lagEvents", ToString::to_string(&self.lag_events).as_str())?;
        }
        if let Some(v) = self.lag_time.as_ref() {
            struct_ser.serialize_field("lagTime", v)?;
        }
        if self.sent_events != 0 {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("sentEvents", ToString::to_string(&self.sent_events).as_str())?;
        }
        if let Some(v) = self.blocked_time.as_ref() {
            struct_ser.serialize_field("blockedTime", v)?;
        }
        if let Some(v) = self.end_time.as_ref() {
            struct_ser.serialize_field("endTime", v)?;
        }
        if !self.end_reason.is_empty() {
            struct_ser.serialize_field("endReason", &self.end_reason)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for SubscriberStatus {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "stream_id",
            "streamId",
            "name",
            "peer",
            "start_time",
            "startTime",
            "filter",
            "state",
            "cursor",
            "lag_events",
            "lagEvents",
            "lag_time",
            "lagTime",
            "sent_events",
            "sentEvents",
            "blocked_time",
            "blockedTime",
            "end_time",
            "endTime",
            "end_reason",
            "endReason",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            StreamId,
            Name,
            Peer,
            StartTime,
            Filter,
            State,
            Cursor,
            LagEvents,
            LagTime,
            SentEvents,
            BlockedTime,
            EndTime,
            EndReason,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "streamId" | "stream_id" => Ok(GeneratedField::StreamId),
                            "name" => Ok(GeneratedField::Name),
                            "peer" => Ok(GeneratedField::Peer),
                            "startTime" | "start_time" => Ok(GeneratedField::StartTime),
                            "filter" => Ok(GeneratedField::Filter),
                            "state" => Ok(GeneratedField::State),
                            "cursor" => Ok(GeneratedField::Cursor),
                            "lagEvents" | "lag_events" => Ok(GeneratedField::LagEvents),
                            "lagTime" | "lag_time" => Ok(GeneratedField::LagTime),
                            "sentEvents" | "sent_events" => Ok(GeneratedField::SentEvents),
                            "blockedTime" | "blocked_time" => Ok(GeneratedField::BlockedTime),
                            "endTime" | "end_time" => Ok(GeneratedField::EndTime),
                            "endReason" | "end_reason" => Ok(GeneratedField::EndReason),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = SubscriberStatus;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.SubscriberStatus")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<SubscriberStatus, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut stream_id__ = None;
                let mut name__ = None;
                let mut peer__ = None;
                let mut start_time__ = None;
                let mut filter__ = None;
                let mut state__ = None;
                let mut cursor__ = None;
                let mut lag_events__ = None;
                let mut lag_time__ = None;
                let mut sent_events__ = None;
                let mut blocked_time__ = None;
                let mut end_time__ = None;
                let mut end_reason__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::StreamId => {
                            if stream_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("streamId"));
                            }
                            stream_id__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Name => {
                            if name__.is_some() {
                                return Err(serde::de::Error::duplicate_field("name"));
                            }
                            name__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Peer => {
                            if peer__.is_some() {
                                return Err(serde::de::Error::duplicate_field("peer"));
                            }
                            peer__ = Some(map_.next_value()?);
                        }
                        GeneratedField::StartTime => {
                            if start_time__.is_some() {
                                return Err(serde::de::Error::duplicate_field("startTime"));
                            }
                            start_time__ = map_.next_value()?;
                        }
                        GeneratedField::Filter => {
                            if filter__.is_some() {
                                return Err(serde::de::Error::duplicate_field("filter"));
                            }
                            filter__ = map_.next_value()?;
                        }
                        GeneratedField::State => {
                            if state__.is_some() {
                                return Err(serde::de::Error::duplicate_field("state"));
                            }
                            state__ = Some(map_.next_value::<SubscriberState>()? as i32);
                        }
                        GeneratedField::Cursor => {
                            if cursor__.is_some() {
                                return Err(serde::de::Error::duplicate_field("cursor"));
                            }
                            cursor__ = Some(map_.next_value()?);
                        }
                        GeneratedField::LagEvents => {
                            if lag_events__.is_some() {
                                return Err(serde::de::Error::duplicate_field("lagEvents"));
                            }
                            lag_events__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::LagTime => {
                            if lag_time__.is_some() {
                                return Err(serde::de::Error::duplicate_field("lagTime"));
                            }
                            lag_time__ = map_.next_value()?;
                        }
                        GeneratedField::SentEvents => {
                            if sent_events__.is_some() {
                                return Err(serde::de::Error::duplicate_field("sentEvents"));
                            }
                            sent_events__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::BlockedTime => {
                            if blocked_time__.is_some() {
                                return Err(serde::de::Error::duplicate_field("blockedTime"));
                            }
                            blocked_time__ = map_.next_value()?;
                        }
                        GeneratedField::EndTime => {
                            if end_time__.is_some() {
                                return Err(serde::de::Error::duplicate_field("endTime"));
                            }
                            end_time__ = map_.next_value()?;
                        }
                        GeneratedField::EndReason => {
                            if end_reason__.is_some() {
                                return Err(serde::de::Error::duplicate_field("endReason"));
                            }
                            end_reason__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(SubscriberStatus {
                    stream_id: stream_id__.unwrap_or_default(),
                    name: name__.unwrap_or_default(),
                    peer: peer__.unwrap_or_default(),
                    start_time: start_time__,
                    filter: filter__,
                    state: state__.unwrap_or_default(),
                    cursor: cursor__.unwrap_or_default(),
                    lag_events: lag_events__.unwrap_or_default(),
                    lag_time: lag_time__,
                    sent_events: sent_events__.unwrap_or_default(),
                    blocked_time: blocked_time__,
                    end_time: end_time__,
                    end_reason: end_reason__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.SubscriberStatus", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for TopicAfterCreate {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.group_id.is_empty() {
            len += 1;
        }
        if !self.topic_id.is_empty() {
            len += 1;
        }
        if !self.operator_account.is_empty() {
            len += 1;
        }
        if !self.owner_account.is_empty() {
            len += 1;
        }
        if !self.r#type.is_empty() {
            len += 1;
        }
        if !self.name.is_empty() {
            len += 1;
        }
        if !self.user_defined_data_list.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.TopicAfterCreate", len)?;
        if !self.group_id.is_empty() {
            struct_ser.serialize_field("GroupId", &self.group_id)?;
        }
        if !self.topic_id.is_empty() {
            struct_ser.serialize_field("TopicId", &self.topic_id)?;
        }
        if !self.operator_account.is_empty() {
            struct_ser.serialize_field("Operator_Account", &self.operator_account)?;
        }
        if !self.owner_account.is_empty() {
            struct_ser.serialize_field("Owner_Account", &self.owner_account)?;
        }
        if !self.r#type.is_empty() {
            struct_ser.serialize_field("Type", &self.r#type)?;
        }
        if !self.name.is_empty() {
            struct_ser.serialize_field("Name", &self.name)?;
        }
        if !self.user_defined_data_list.is_empty() {
            struct_ser.serialize_field("UserDefinedDataList", &self.user_defined_data_list)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for TopicAfterCreate {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "group_id",
            "GroupId",
            "topic_id",
            "TopicId",
            "operator_account",
            "Operator_Account",
            "owner_account",
            "Owner_Account",
            "type",
            "Type",
            "name",
            "Name",
            "user_defined_data_list",
            "UserDefinedDataList",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            GroupId,
            TopicId,
            OperatorAccount,
            OwnerAccount,
            Type,
            Name,
            UserDefinedDataList,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "GroupId" | "group_id" => Ok(GeneratedField::GroupId),
                            "TopicId" | "topic_id" => Ok(GeneratedField::TopicId),
                            "Operator_Account" | "operator_account" => Ok(GeneratedField::OperatorAccount),
                            "Owner_Account" | "owner_account" => Ok(GeneratedField::OwnerAccount),
                            "Type" | "type" => Ok(GeneratedField::Type),
                            "Name" | "name" => Ok(GeneratedField::Name),
                            "UserDefinedDataList" | "user_defined_data_list" => Ok(GeneratedField::UserDefinedDataList),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = TopicAfterCreate;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.TopicAfterCreate")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<TopicAfterCreate, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut group_id__ = None;
                let mut topic_id__ = None;
                let mut operator_account__ = None;
                let mut owner_account__ = None;
                let mut r#type__ = None;
                let mut name__ = None;
                let mut user_defined_data_list__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::GroupId => {
                            if group_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("GroupId"));
                            }
                            group_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::TopicId => {
                            if topic_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("TopicId"));
                            }
                            topic_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::OperatorAccount => {
                            if operator_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Operator_Account"));
                            }
                            operator_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::OwnerAccount => {
                            if owner_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Owner_Account"));
                            }
                            owner_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Type => {
                            if r#type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Type"));
                            }
                            r#type__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Name => {
                            if name__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Name"));
                            }
                            name__ = Some(map_.next_value()?);
                        }
                        GeneratedField::UserDefinedDataList => {
                            if user_defined_data_list__.is_some() {
                                return Err(serde::de::Error::duplicate_field("UserDefinedDataList"));
                            }
                            user_defined_data_list__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(TopicAfterCreate {
                    group_id: group_id__.unwrap_or_default(),
                    topic_id: topic_id__.unwrap_or_default(),
                    operator_account: operator_account__.unwrap_or_default(),
                    owner_account: owner_account__.unwrap_or_default(),
                    r#type: r#type__.unwrap_or_default(),
                    name: name__.unwrap_or_default(),
                    user_defined_data_list: user_defined_data_list__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.TopicAfterCreate", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for TopicBeforeCreate {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.operator_account.is_empty() {
            len += 1;
        }
        if !self.r#type.is_empty() {
            len += 1;
        }
        if !self.name.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.TopicBeforeCreate", len)?;
        if !self.operator_account.is_empty() {
            struct_ser.serialize_field("Operator_Account", &self.operator_account)?;
        }
        if !self.r#type.is_empty() {
            struct_ser.serialize_field("Type", &self.r#type)?;
        }
        if !self.name.is_empty() {
            struct_ser.serialize_field("Name", &self.name)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for TopicBeforeCreate {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "operator_account",
            "Operator_Account",
            "type",
            "Type",
            "name",
            "Name",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            OperatorAccount,
            Type,
            Name,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "Operator_Account" | "operator_account" => Ok(GeneratedField::OperatorAccount),
                            "Type" | "type" => Ok(GeneratedField::Type),
                            "Name" | "name" => Ok(GeneratedField::Name),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = TopicBeforeCreate;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.TopicBeforeCreate")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<TopicBeforeCreate, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut operator_account__ = None;
                let mut r#type__ = None;
                let mut name__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::OperatorAccount => {
                            if operator_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Operator_Account"));
                            }
                            operator_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Type => {
                            if r#type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Type"));
                            }
                            r#type__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Name => {
                            if name__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Name"));
                            }
                            name__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(TopicBeforeCreate {
                    operator_account: operator_account__.unwrap_or_default(),
                    r#type: r#type__.unwrap_or_default(),
                    name: name__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.TopicBeforeCreate", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for TopicDestroyed {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.group_id.is_empty() {
            len += 1;
        }
        if !self.r#type.is_empty() {
            len += 1;
        }
        if !self.topic_id_list.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.TopicDestroyed", len)?;
        if !self.group_id.is_empty() {
            struct_ser.serialize_field("GroupId", &self.group_id)?;
        }
        if !self.r#type.is_empty() {
            struct_ser.serialize_field("Type", &self.r#type)?;
        }
        if !self.topic_id_list.is_empty() {
            struct_ser.serialize_field("TopicIdList", &self.topic_id_list)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for TopicDestroyed {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "group_id",
            "GroupId",
            "type",
            "Type",
            "topic_id_list",
            "TopicIdList",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            GroupId,
            Type,
            TopicIdList,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "GroupId" | "group_id" => Ok(GeneratedField::GroupId),
                            "Type" | "type" => Ok(GeneratedField::Type),
                            "TopicIdList" | "topic_id_list" => Ok(GeneratedField::TopicIdList),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = TopicDestroyed;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.TopicDestroyed")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<TopicDestroyed, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut group_id__ = None;
                let mut r#type__ = None;
                let mut topic_id_list__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::GroupId => {
                            if group_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("GroupId"));
                            }
                            group_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Type => {
                            if r#type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Type"));
                            }
                            r#type__ = Some(map_.next_value()?);
                        }
                        GeneratedField::TopicIdList => {
                            if topic_id_list__.is_some() {
                                return Err(serde::de::Error::duplicate_field("TopicIdList"));
                            }
                            topic_id_list__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(TopicDestroyed {
                    group_id: group_id__.unwrap_or_default(),
                    r#type: r#type__.unwrap_or_default(),
                    topic_id_list: topic_id_list__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.TopicDestroyed", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for TopicInfoChanged {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.group_id.is_empty() {
            len += 1;
        }
        if !self.r#type.is_empty() {
            len += 1;
        }
        if !self.operator_account.is_empty() {
            len += 1;
        }
        if self.name.is_some() {
            len += 1;
        }
        if self.introduction.is_some() {
            len += 1;
        }
        if self.notification.is_some() {
            len += 1;
        }
        if self.face_url.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.TopicInfoChanged", len)?;
        if !self.group_id.is_empty() {
            struct_ser.serialize_field("GroupId", &self.group_id)?;
        }
        if !self.r#type.is_empty() {
            struct_ser.serialize_field("Type", &self.r#type)?;
        }
        if !self.operator_account.is_empty() {
            struct_ser.serialize_field("Operator_Account", &self.operator_account)?;
        }
        if let Some(v) = self.name.as_ref() {
            struct_ser.serialize_field("Name", v)?;
        }
        if let Some(v) = self.introduction.as_ref() {
            struct_ser.serialize_field("Introduction", v)?;
        }
        if let Some(v) = self.notification.as_ref() {
            struct_ser.serialize_field("Notification", v)?;
        }
        if let Some(v) = self.face_url.as_ref() {
            struct_ser.serialize_field("FaceUrl", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for TopicInfoChanged {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "group_id",
            "GroupId",
            "type",
            "Type",
            "operator_account",
            "Operator_Account",
            "name",
            "Name",
            "introduction",
            "Introduction",
            "notification",
            "Notification",
            "face_url",
            "FaceUrl",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            GroupId,
            Type,
            OperatorAccount,
            Name,
            Introduction,
            Notification,
            FaceUrl,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "GroupId" | "group_id" => Ok(GeneratedField::GroupId),
                            "Type" | "type" => Ok(GeneratedField::Type),
                            "Operator_Account" | "operator_account" => Ok(GeneratedField::OperatorAccount),
                            "Name" | "name" => Ok(GeneratedField::Name),
                            "Introduction" | "introduction" => Ok(GeneratedField::Introduction),
                            "Notification" | "notification" => Ok(GeneratedField::Notification),
                            "FaceUrl" | "face_url" => Ok(GeneratedField::FaceUrl),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = TopicInfoChanged;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.TopicInfoChanged")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<TopicInfoChanged, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut group_id__ = None;
                let mut r#type__ = None;
                let mut operator_account__ = None;
                let mut name__ = None;
                let mut introduction__ = None;
                let mut notification__ = None;
                let mut face_url__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::GroupId => {
                            if group_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("GroupId"));
                            }
                            group_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Type => {
                            if r#type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Type"));
                            }
                            r#type__ = Some(map_.next_value()?);
                        }
                        GeneratedField::OperatorAccount => {
                            if operator_account__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Operator_Account"));
                            }
                            operator_account__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Name => {
                            if name__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Name"));
                            }
                            name__ = map_.next_value()?;
                        }
                        GeneratedField::Introduction => {
                            if introduction__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Introduction"));
                            }
                            introduction__ = map_.next_value()?;
                        }
                        GeneratedField::Notification => {
                            if notification__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Notification"));
                            }
                            notification__ = map_.next_value()?;
                        }
                        GeneratedField::FaceUrl => {
                            if face_url__.is_some() {
                                return Err(serde::de::Error::duplicate_field("FaceUrl"));
                            }
                            face_url__ = map_.next_value()?;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(TopicInfoChanged {
                    group_id: group_id__.unwrap_or_default(),
                    r#type: r#type__.unwrap_or_default(),
                    operator_account: operator_account__.unwrap_or_default(),
                    name: name__,
                    introduction: introduction__,
                    notification: notification__,
                    face_url: face_url__,
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.TopicInfoChanged", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for UserDefinedData {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.key.is_empty() {
            len += 1;
        }
        if self.value.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.UserDefinedData", len)?;
        if !self.key.is_empty() {
            struct_ser.serialize_field("Key", &self.key)?;
        }
        if let Some(v) = self.value.as_ref() {
            struct_ser.serialize_field("Value", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for UserDefinedData {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "key",
            "Key",
            "value",
            "Value",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Key,
            Value,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "Key" | "key" => Ok(GeneratedField::Key),
                            "Value" | "value" => Ok(GeneratedField::Value),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = UserDefinedData;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.UserDefinedData")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<UserDefinedData, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut key__ = None;
                let mut value__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Key => {
                            if key__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Key"));
                            }
                            key__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Value => {
                            if value__.is_some() {
                                return Err(serde::de::Error::duplicate_field("Value"));
                            }
                            value__ = map_.next_value()?;
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(UserDefinedData {
                    key: key__.unwrap_or_default(),
                    value: value__,
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.UserDefinedData", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for WithdrawnMsg {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.msg_key.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("imcallback.v1.WithdrawnMsg", len)?;
        if !self.msg_key.is_empty() {
            struct_ser.serialize_field("MsgKey", &self.msg_key)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for WithdrawnMsg {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "msg_key",
            "MsgKey",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            MsgKey,
            __SkipField__,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "MsgKey" | "msg_key" => Ok(GeneratedField::MsgKey),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = WithdrawnMsg;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct imcallback.v1.WithdrawnMsg")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<WithdrawnMsg, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut msg_key__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::MsgKey => {
                            if msg_key__.is_some() {
                                return Err(serde::de::Error::duplicate_field("MsgKey"));
                            }
                            msg_key__ = Some(map_.next_value()?);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(WithdrawnMsg {
                    msg_key: msg_key__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("imcallback.v1.WithdrawnMsg", FIELDS, GeneratedVisitor)
    }
}
