namespace KlingPS.Core.Ledger.Sql;

/// <summary>Tells who sends a request, and whether somebody else who sends one can still record the response.</summary>
internal interface IAttemptOwners
{
    /// <summary>The name of this process, recorded with everything it has under way. No other process has had or will have it.</summary>
    string Current { get; }

    /// <summary>Whether the owner of a request can no longer record what comes of it. What cannot be known is not gone.</summary>
    /// <param name="session">A session of the ledger, for owners who report there.</param>
    /// <param name="owner">The recorded name.</param>
    /// <param name="since">When the request was begun.</param>
    ValueTask<bool> IsGoneAsync(SqlSession session, string owner, DateTimeOffset since);
}
