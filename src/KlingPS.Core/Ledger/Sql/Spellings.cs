using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>
/// Finds purchases with the same texts or the same model in another spelling. Identities are hashes, and texts were hashed as they
/// came until <see cref="PromptText"/> gave each a single spelling. So were the ids of models until their case stopped mattering. Tasks that
/// were bought elsewhere are spelled as the service spells them.
/// </summary>
internal static class Spellings
{
    /// <summary>The identities that a video may be recorded under: first its own, then one for each spelling used in purchases of its image, or, without an image, in purchases without one.</summary>
    /// <param name="session">The session.</param>
    /// <param name="spec">The video, with its local images read.</param>
    /// <param name="identity">Its own identity.</param>
    public static async Task<IReadOnlyList<string>> ListIdentitiesAsync(SqlSession session, VideoSpec spec, string identity)
    {
        List<string> identities = [.. await ListAsync(session, spec, identity).ConfigureAwait(false)];
        foreach (VideoSpec earlier in spec.ListEarlierForms())
        {
            identities.AddRange(await ListAsync(session, earlier, earlier.GetIdentity()).ConfigureAwait(false));
        }

        return identities;
    }

    private static async Task<IReadOnlyList<string>> ListAsync(SqlSession session, VideoSpec spec, string identity)
    {
        (string condition, string? image) = spec.Image switch
        {
            { Hash: string hash } => ("t.source_hash = @image", hash),
            { IsFile: true } => ("t.source_hash = @image", string.Empty),
            { Uri: string uri } => ("t.source_hash IS NULL AND t.image_uri = @image", uri),
            _ => ("t.source_hash IS NULL AND t.image_uri IS NULL", null),
        };
        // An image has few purchases, but all those without an image are found together. Of these, only a longer text can be the same, or one that was bought under another spelling of the model.
        VideoSpec normalized = spec.Normalized();
        (string Name, object? Value)[] values = image is null
            ? [("length", LengthOf(normalized.Prompt)), ("negative_length", LengthOf(normalized.NegativePrompt))]
            : [("image", image)];
        List<VideoSpec> recorded = await session.QueryAsync(
            $"""
            SELECT p.text AS prompt, n.text AS negative_prompt, s.model
            FROM (SELECT DISTINCT t.prompt_id, t.negative_prompt_id, CASE WHEN LOWER(t.model) = LOWER(@model) THEN t.model ELSE @model END AS model
                FROM tasks t WHERE {condition} AND t.identity <> @identity) s
                LEFT JOIN texts p ON p.id = s.prompt_id LEFT JOIN texts n ON n.id = s.negative_prompt_id
            {(image is null ? "WHERE LENGTH(p.text) > @length OR LENGTH(n.text) > @negative_length OR s.model <> @model" : string.Empty)}
            """,
            row => spec with { Prompt = row.TextOrNull("prompt"), NegativePrompt = row.TextOrNull("negative_prompt"), Model = row.Text("model") },
            [("identity", identity), ("model", spec.Model), .. values]).ConfigureAwait(false);
        return [.. recorded.Where(spelled => spelled.Normalized() with { Model = spec.Model } == normalized).Select(spelled => spelled.GetIdentity()).Prepend(identity).Distinct()];
    }

    /// <summary>The length as SQL counts it: in whole characters.</summary>
    private static int LengthOf(string? text) => text?.EnumerateRunes().Count() ?? 0;
}
