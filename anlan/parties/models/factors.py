"""The second step of sign-in: an authenticator, and recovery codes; sealed, in django-otp's tables."""

from __future__ import annotations

import os

from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from anlan.kernel import sealing

from .accounts import Account

SECRET_BYTES = 20
RECOVERY_CODES = 10


class Authenticator(TOTPDevice):
    """An account's authenticator (RFC 6238). `key` holds the sealed secret, which only its own account's row opens."""

    class Meta:
        proxy = True

    @classmethod
    def begin(cls, account: Account) -> Authenticator:
        """The account's authenticator that waits for its first code; made if there is none."""
        waiting = cls.objects.filter(user=account, confirmed=False).first()
        if waiting is not None:
            return waiting
        key = sealing.seal(os.urandom(SECRET_BYTES), _purpose(account.pk))
        return cls.objects.create(user=account, confirmed=False, name="authenticator", key=key)

    @classmethod
    def of(cls, account: Account) -> Authenticator | None:
        """The authenticator that the account must use, or None."""
        return cls.objects.filter(user=account, confirmed=True).first()

    @property
    def bin_key(self) -> bytes:
        """The secret, opened."""
        return sealing.unseal(self.key, _purpose(self.user_id))


class Recovery(StaticDevice):
    """An account's recovery codes. Each works once; the table knows only what they are recognised by."""

    class Meta:
        proxy = True

    @classmethod
    def renew(cls, account: Account) -> list[str]:
        """Ten new codes; older ones stop working. The only moment at which they can be read."""
        cls.objects.filter(user=account).delete()
        device = cls.objects.create(user=account, name="recovery")
        codes = [StaticToken.random_token() for _n in range(RECOVERY_CODES)]
        StaticToken.objects.bulk_create([StaticToken(device=device, token=_marks(account.pk, c)[0]) for c in codes])
        return codes

    def verify_token(self, token: str) -> bool:
        """Whether `token` is one of the codes; it is used up by that. Wrong ones are slowed down."""
        if not self.verify_is_allowed()[0]:
            return False
        used, _by_model = self.token_set.filter(token__in=_marks(self.user_id, token)).delete()
        if used:
            self.throttle_reset(commit=False)
        else:
            self.throttle_increment(commit=False)
        self.save()
        return bool(used)


def second_factor(account: Account, code: str) -> Authenticator | Recovery | None:
    """The account's factor that takes `code`. Rows are locked, so that one code opens one session only."""
    for kind in (Authenticator, Recovery):
        for device in kind.objects.select_for_update().filter(user=account, confirmed=True):
            if device.verify_token(code):
                return device
    return None


def _purpose(account_id: int) -> str:
    return f"totp:{account_id}"


def _marks(account_id: int, code: str) -> list[str]:
    return sealing.marks(code, f"recovery:{account_id}")
