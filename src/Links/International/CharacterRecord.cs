namespace Tracking.Links.International;

/// <summary>What UTS #46 does with a character in a domain name (UseSTD3ASCIIRules=false, non-transitional).</summary>
internal enum CharacterStatus : byte
{
    /// <summary>No name has it; or browsers in use do not agree on what it is.</summary>
    Disallowed,

    /// <summary>It stays.</summary>
    Valid,

    /// <summary>Others take its place.</summary>
    Mapped,

    /// <summary>It is left out.</summary>
    Ignored,
}

/// <summary>Bidi_Class, as far as RFC 5893 tells them apart.</summary>
internal enum BidiClass : byte
{
    /// <summary>One that no label of a Bidi domain may have.</summary>
    Other,

    /// <summary>Left to right.</summary>
    L,

    /// <summary>Right to left.</summary>
    R,

    /// <summary>Right to left, Arabic.</summary>
    AL,

    /// <summary>Arabic number.</summary>
    AN,

    /// <summary>European number.</summary>
    EN,

    /// <summary>European separator.</summary>
    ES,

    /// <summary>Common separator.</summary>
    CS,

    /// <summary>European terminator.</summary>
    ET,

    /// <summary>Other neutral.</summary>
    ON,

    /// <summary>Boundary neutral.</summary>
    BN,

    /// <summary>Non-spacing mark.</summary>
    NSM,
}

/// <summary>Joining_Type.</summary>
internal enum JoiningType : byte
{
    /// <summary>Does not join.</summary>
    None,

    /// <summary>Transparent.</summary>
    Transparent,

    /// <summary>Joins to the left.</summary>
    Left,

    /// <summary>Joins to the right.</summary>
    Right,

    /// <summary>Joins on both sides.</summary>
    Dual,

    /// <summary>Makes its neighbours join.</summary>
    Causing,
}

/// <summary>What the standards say of a character, as the table packs it.</summary>
internal readonly record struct CharacterRecord(uint Bits)
{
    private const int Virama = 9;

    /// <summary>What becomes of it.</summary>
    public CharacterStatus Status => (CharacterStatus)(Bits & 3);

    /// <summary>Whether its General_Category is Mark.</summary>
    public bool IsMark => (Bits & 4) != 0;

    /// <summary>Its direction.</summary>
    public BidiClass Bidi => (BidiClass)((Bits >> 3) & 15);

    /// <summary>How it joins.</summary>
    public JoiningType Joining => (JoiningType)((Bits >> 7) & 7);

    /// <summary>Canonical_Combining_Class.</summary>
    public int CombiningClass => (int)((Bits >> 10) & 255);

    /// <summary>Whether it kills the vowel before it (RFC 5892 appendix A).</summary>
    public bool IsVirama => CombiningClass == Virama;

    /// <summary>Whether a text that has it may not be in NFC; a text of other characters is.</summary>
    public bool MayChangeInNfc => (Bits & (1 << 18)) != 0;
}
