import { Body, Controller, Query } from '@nestjs/common';
import { Search, SearchQuery, SearchResult } from '@capstone/contracts/search';
import type { Principal } from '@capstone/platform/principal';
import { Route } from '../http/route.js';
import { Caller } from '../identity/caller.js';
import { SearchService } from './search.service.js';

@Controller('api/v1/search')
export class SearchController {
  constructor(private readonly searching: SearchService) {}

  @Route('POST', '', {
    summary: 'Search the documents of the workspace',
    access: 'search:read',
    answers: { 200: SearchResult },
  })
  search(@Caller() caller: Principal, @Body({ schema: Search }) input: Search) {
    return this.searching.search(caller, input);
  }

  @Route('GET', '', {
    summary: 'The same with defaults, for a quick look',
    access: 'search:read',
    answers: { 200: SearchResult },
  })
  searchByQuery(
    @Caller() caller: Principal,
    @Query({ schema: SearchQuery }) { q, ...rest }: SearchQuery,
  ) {
    return this.searching.search(caller, { query: q, ...rest, explain: false });
  }
}
