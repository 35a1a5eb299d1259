"""What gunicorn serves."""

from backend import create_app

app = create_app()
