"""The database extension and the base class of all models."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import DateTime, MetaData, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, registry


class Base(DeclarativeBase):
    """Typed models: text is unbounded, times carry their zone, constraints have predictable names."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    # On the registry, not on the class: Flask-SQLAlchemy derives its Model, and SQLAlchemy allows one map.
    registry = registry(
        type_annotation_map={
            datetime: DateTime(timezone=True),
            str: Text(),
            dict[str, Any]: JSONB(),
            list[str]: JSONB(),
        }
    )


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})
migrate = Migrate(directory="backend/migrations")
