namespace Tracking.Links.International;

/// <summary>The processing of a character in a domain name by UTS #46 (UseSTD3ASCIIRules=false,
/// non-transitional).</summary>
internal enum CharacterStatus : byte
{
    /// <summary>Names cannot contain the character, or current browsers disagree about it.</summary>
    Disallowed,

    /// <summary>The character stays.</summary>
    Valid,

    /// <summary>Other characters replace it.</summary>
    Mapped,

    /// <summary>The character is removed.</summary>
    Ignored,
}

/// <summary>The Bidi_Class values that RFC 5893 distinguishes.</summary>
internal enum BidiClass : byte
{
    /// <summary>A class that no label of a Bidi domain may have.</summary>
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

/// <summary>The standards' properties of a character, as packed in the table.</summary>
internal readonly record struct CharacterRecord(uint Bits)
{
    private const int Virama = 9;

    /// <summary>The character's processing.</summary>
    public CharacterStatus Status => (CharacterStatus)(Bits & 3);

    /// <summary>Whether its General_Category is Mark.</summary>
    public bool IsMark => (Bits & 4) != 0;

    /// <summary>The character's direction.</summary>
    public BidiClass Bidi => (BidiClass)((Bits >> 3) & 15);

    /// <summary>The character's joining type.</summary>
    public JoiningType Joining => (JoiningType)((Bits >> 7) & 7);

    /// <summary>Canonical_Combining_Class.</summary>
    public int CombiningClass => (int)((Bits >> 10) & 255);

    /// <summary>Whether the character removes the vowel before it (RFC 5892 appendix A).</summary>
    public bool IsVirama => CombiningClass == Virama;

    /// <summary>Whether a text with this character may be outside NFC. A text without such characters is in
    /// NFC.</summary>
    public bool MayChangeInNfc => (Bits & (1 << 18)) != 0;
}
