"""What all tests share."""

import pytest

# So that a helper's failed assertion shows its values, as that of a test does.
pytest.register_assert_rewrite("tests.support")
