using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Ledger;

/// <summary>The service's rate limits, kept by all processes that share the ledger together.</summary>
internal interface IRateGates
{
    /// <summary>The gate that create requests of an account pass: 20 in 10 seconds.</summary>
    /// <param name="account">The account.</param>
    ICreateGate OpenCreateGate(string account);

    /// <summary>The gate that queries with an account's key pass: 10 in a second.</summary>
    /// <param name="account">The account.</param>
    IRateGate OpenQueryGate(string account);
}
