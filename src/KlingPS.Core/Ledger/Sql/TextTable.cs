using System.Security.Cryptography;
using System.Text;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>The prompts. They are long and shared by many tasks, so each is stored once.</summary>
internal static class TextTable
{
    /// <summary>The id of a text, which is added if it is new.</summary>
    public static async Task<long?> GetIdAsync(SqlSession session, string? text)
    {
        if (text is null)
        {
            return null;
        }

        string hash = Hash(text);
        if (await session.NumberAsync("SELECT id FROM texts WHERE hash = @hash", ("hash", hash)).ConfigureAwait(false) is long known)
        {
            return known;
        }

        // Another account may have added it in the meantime.
        long id = await session.NextAsync("text").ConfigureAwait(false);
        return await session.NumberAsync(
            "INSERT INTO texts (id, hash, text) VALUES (@id, @hash, @text) ON CONFLICT (hash) DO UPDATE SET text = excluded.text RETURNING id",
            ("id", id),
            ("hash", hash),
            ("text", text)).ConfigureAwait(false);
    }

    /// <summary>Deletes a text that no task uses any more.</summary>
    public static async Task ReleaseAsync(SqlSession session, string? text)
    {
        if (text is not null)
        {
            // Another account may be about to use it.
            await session.RequireAloneAsync().ConfigureAwait(false);
            await session.ExecuteAsync(
                """
                DELETE FROM texts WHERE hash = @hash
                    AND NOT EXISTS (SELECT 1 FROM tasks WHERE prompt_id = texts.id)
                    AND NOT EXISTS (SELECT 1 FROM tasks WHERE negative_prompt_id = texts.id)
                """,
                ("hash", Hash(text))).ConfigureAwait(false);
        }
    }

    /// <summary>Half of a SHA-256 is enough to tell texts apart.</summary>
    private static string Hash(string text) => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(text)), 0, 16);
}
